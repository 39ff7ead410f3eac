"""Token counts in the dialects of those who count them. Pure.

Ours: `cached` and `cache_write` are parts of `input`, `reasoning` is part of `output`. OpenAI counts so;
Anthropic counts what was read from and written to its cache beside its `input_tokens`; some count reasoning
beside the completion. What can't be a part, because it is larger than the whole, is taken to stand beside it.
"""

from typing import Any

from schemas.inference import Usage
from services.gateway.wire.formats.reading import count_of, mapping

NO_USAGE = Usage()
_BARE = 3
_CACHED = ("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens")


def usage_of(value: object) -> Usage:
    """Return the counts in a `usage` object; zeros for what is not there."""
    wire = mapping(value)
    if not wire:
        return NO_USAGE
    asked, said = wire.get("prompt_tokens"), wire.get("completion_tokens")
    if len(wire) == _BARE and type(asked) is type(said) is int and asked >= 0 <= said and "total_tokens" in wire:
        return Usage(input_tokens=asked, output_tokens=said)
    whole, details = _input(wire)
    cached = count_of(details.get("cached_tokens")) or _first(wire, _CACHED)
    kept = count_of(wire.get("cache_creation_input_tokens")) or count_of(details.get("cache_creation_tokens"))
    beside = "prompt_tokens" not in wire and not details and "cache_read_input_tokens" in wire
    if beside or cached > whole:
        whole += cached + kept
    written = count_of(said) or count_of(wire.get("output_tokens"))
    spent = mapping(wire.get("completion_tokens_details")) or mapping(wire.get("output_tokens_details"))
    reasoning = count_of(spent.get("reasoning_tokens")) or count_of(wire.get("reasoning_tokens"))
    return Usage(
        input_tokens=whole,
        output_tokens=written + reasoning if reasoning > written else written,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        cache_write_tokens=kept,
    )


def _input(wire: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    details = mapping(wire.get("prompt_tokens_details")) or mapping(wire.get("input_tokens_details"))
    return count_of(wire.get("prompt_tokens")) or count_of(wire.get("input_tokens")), details


def _first(wire: dict[str, Any], names: tuple[str, ...]) -> int:
    for name in names:
        if name in wire and (count := count_of(wire[name])):
            return count
    return 0
