"""Token counts in the dialects of those who count them. Pure.

Ours: `cached` is part of `input`, `reasoning` is part of `output`. OpenAI counts so; Anthropic counts
what was read from and written to its cache beside its `input_tokens`; some count reasoning beside the
completion. What can't be a part, because it is larger than the whole, is taken to stand beside it.
"""

from typing import Any

from schemas.inference import Usage
from services.gateway.wire.reading import count_of, mapping

NO_USAGE = Usage()


def usage_of(value: object) -> Usage:
    """Return the counts in a `usage` object; zeros for what is not there."""
    wire = mapping(value)
    if not wire:
        return NO_USAGE
    whole, details = _input(wire)
    cached = _first(details.get("cached_tokens"), *(wire.get(name) for name in _CACHED))
    beside = "prompt_tokens" not in wire and not details and "cache_read_input_tokens" in wire
    if beside or cached > whole:
        whole += cached + count_of(wire.get("cache_creation_input_tokens"))
    written = _first(wire.get("completion_tokens"), wire.get("output_tokens"))
    spent = mapping(wire.get("completion_tokens_details")) or mapping(wire.get("output_tokens_details"))
    reasoning = _first(spent.get("reasoning_tokens"), wire.get("reasoning_tokens"))
    return Usage(
        input_tokens=whole,
        output_tokens=written + reasoning if reasoning > written else written,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
    )


_CACHED = ("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens")


def _input(wire: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    details = mapping(wire.get("prompt_tokens_details")) or mapping(wire.get("input_tokens_details"))
    return _first(wire.get("prompt_tokens"), wire.get("input_tokens")), details


def _first(*values: object) -> int:
    return next((count for value in values if (count := count_of(value))), 0)
