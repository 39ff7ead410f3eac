"""The catalogue of what can be monitored: counters in windows, scores of responses, metrics of both."""

from dataclasses import dataclass
from typing import Literal

COUNTERS = {
    "responses": "answers, failed ones included",
    "errors": "answers with an error type",
    "input_tokens": "tokens read",
    "output_tokens": "tokens written",
    "cost_usd": "what the answers of known cost cost",
    "unpriced": "answers of unknown cost",
    "feedback": "feedback joined to an answer of this series",
    "feedback_correct": "of those, the correct ones: label equals the answer, or score at least 0.5",
}
SKETCHES = ("latency_ms", "ttft_ms")

SCORES = {
    "prompt.injection": "probability that the prompt is an injection (embedded head), 0 to 1",
    "prompt.harm": "probability that the prompt asks for harm (embedded head), 0 to 1",
    "response.harm": "probability that the answer is harmful (embedded head), 0 to 1",
    "prompt.pii": "entities of personal data in the prompt, a count",
    "response.pii": "entities of personal data in the answer, a count",
    "prompt.distance": "cosine distance of the prompt to its nearest reference centroid, 0 to 2",
}

Kind = Literal["window", "score", "drift"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A name that a monitor may use.

    Attributes:
        name: Dotted noun with aggregate.
        kind: Which topic it is computed from: windows, scores or drift measurements.
        unit: Base unit of the value.
        meaning: One clause for people.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


METRICS = (
    Metric("volume.count", "window", "responses", "answers in the window"),
    Metric("error.ratio", "window", "ratio", "share of answers that failed"),
    Metric("latency_ms.p50", "window", "ms", "median latency"),
    Metric("latency_ms.p95", "window", "ms", "95th percentile of latency"),
    Metric("latency_ms.p99", "window", "ms", "99th percentile of latency"),
    Metric("ttft_ms.p50", "window", "ms", "median time to first token"),
    Metric("ttft_ms.p95", "window", "ms", "95th percentile of time to first token"),
    Metric("ttft_ms.p99", "window", "ms", "99th percentile of time to first token"),
    Metric("tokens.input", "window", "tokens", "tokens read"),
    Metric("tokens.output", "window", "tokens", "tokens written"),
    Metric("cost_usd.sum", "window", "USD", "cost of the window's answers, without those of unknown cost"),
    Metric("feedback.accuracy", "window", "ratio", "share of judged answers that were correct"),
    Metric("feedback.count", "window", "answers", "judged answers"),
    Metric("prompt.injection_ratio", "score", "ratio", "share of prompts labelled unsafe by the injection head"),
    Metric("prompt.harm_ratio", "score", "ratio", "share of prompts labelled unsafe by the harm head"),
    Metric("response.unsafe_ratio", "score", "ratio", "share of answers labelled unsafe by the harm head"),
    Metric("prompt.distance.mean", "score", "distance", "mean distance of prompts to the reference"),
    Metric(
        "drift.prompt_distance.psi", "drift", "PSI", "PSI of prompt.distance against the served version's reference"
    ),
    Metric("drift.prompt_distance.adwin", "drift", "verdict", "1 when ADWIN cut its window on prompt.distance"),
    Metric("drift.prompt_distance.page_hinkley", "drift", "statistic", "Page-Hinkley statistic on prompt.distance"),
    Metric("drift.prompt_injection.psi", "drift", "PSI", "PSI of prompt.injection against the reference"),
    Metric("drift.prompt_harm.psi", "drift", "PSI", "PSI of prompt.harm against the reference"),
    Metric(
        "drift.feedback.page_hinkley", "drift", "statistic", "Page-Hinkley statistic on the error of judged answers"
    ),
)
METRIC_BY_NAME = {metric.name: metric for metric in METRICS}

_METHOD_SUFFIX = {"PopulationStability": "psi", "PageHinkley": "page_hinkley", "Adwin": "adwin"}


def drift_metric(metric: str, method: str) -> str:
    """Return the monitored name of a drift measurement.

    Example:
        >>> drift_metric("prompt.distance", "PopulationStability")
        'drift.prompt_distance.psi'
    """
    return f"drift.{metric.replace('.', '_')}.{_METHOD_SUFFIX[method]}"
