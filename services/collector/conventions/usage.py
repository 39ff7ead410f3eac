"""Token counts, which some count in and others beside. Pure.

The contract has cached tokens as part of the input and reasoning as part of the output. OpenTelemetry tells
them so; Anthropic's own usage has cached tokens beside the input, Gemini's has thoughts beside the output.
Told beside they are recognised by exceeding what they should be part of, or by the total that is told.
"""

from collections.abc import Sequence

from schemas.inference import Usage
from services.collector.conventions.attributes import Attributes, whole

_INPUT = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
    "llm.token_count.prompt",
)
_OUTPUT = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "llm.token_count.completion",
)
_READ = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_WRITTEN = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
_REASONING = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)
_TOTAL = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total")


def usage_of(attributes: Attributes) -> Usage:
    """Return the counts; 0 where nobody tells a number."""
    given, answered, read, written, reasoned, total = (
        _count(attributes, names) for names in (_INPUT, _OUTPUT, _READ, _WRITTEN, _REASONING, _TOTAL)
    )
    cached = read + written
    if cached > given or total == given + cached + answered:
        given += cached
    if reasoned > answered or total == given + answered + reasoned:
        answered += reasoned
    return Usage(
        input_tokens=given,
        output_tokens=answered,
        cached_tokens=read,
        reasoning_tokens=reasoned,
        cache_write_tokens=written,
    )


def _count(attributes: Attributes, names: Sequence[str]) -> int:
    counts = (whole(attributes.get(name)) for name in names)
    return max(0, next((count for count in counts if count is not None), 0))
