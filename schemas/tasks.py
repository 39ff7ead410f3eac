"""What an application does, from which follow its primary metric, its judges and how it is trained."""

from typing import Literal

Task = Literal["classify", "write", "extract", "call-tools"]

# Each is a value in [0, 1] by held-out prompt, higher is better; training.judging computes them.
PRIMARY_METRIC: dict[Task, str] = {
    "classify": "accuracy",
    "write": "chrf",
    "extract": "field_f1",
    "call-tools": "tool_call_accuracy",
}
PRIMARY_METRICS = (
    "accuracy",
    "exact_match",
    "field_f1",
    "tool_call_accuracy",
    "chrf",
    "rouge_l",
    "embedding_similarity",
    "win_rate",
)
