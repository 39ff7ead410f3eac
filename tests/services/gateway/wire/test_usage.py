"""Token counts in every dialect that counts them."""

from typing import Any

import pytest

from schemas.inference import Usage
from services.gateway.wire.usage import usage_of


def counts(usage: Usage) -> tuple[int, int, int, int]:
    return usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"prompt_tokens": 10.0, "completion_tokens": "3"}, (10, 3, 0, 0)),
        ({"prompt_tokens": -1, "completion_tokens": None}, (0, 0, 0, 0)),
        (
            {
                "prompt_tokens": 130_213,
                "completion_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 128_955},
                "completion_tokens_details": {"reasoning_tokens": 60},
            },
            (130_213, 100, 128_955, 60),
        ),
        # The Responses API.
        (
            {
                "input_tokens": 130_213,
                "output_tokens": 100,
                "input_tokens_details": {"cached_tokens": 128_955},
                "output_tokens_details": {"reasoning_tokens": 60},
            },
            (130_213, 100, 128_955, 60),
        ),
        # Anthropic: what the cache had stands beside.
        (
            {
                "input_tokens": 5,
                "output_tokens": 100,
                "cache_read_input_tokens": 128_955,
                "cache_creation_input_tokens": 1_253,
            },
            (130_213, 100, 128_955, 0),
        ),
        ({"input_tokens": 900, "output_tokens": 1, "cache_read_input_tokens": 100}, (1_000, 1, 100, 0)),
        # LiteLLM tells Anthropic's counts in OpenAI's sum.
        (
            {
                "prompt_tokens": 130_213,
                "completion_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 128_955},
                "cache_read_input_tokens": 128_955,
                "cache_creation_input_tokens": 1_253,
            },
            (130_213, 100, 128_955, 0),
        ),
        ({"prompt_tokens": 20, "completion_tokens": 1, "prompt_cache_hit_tokens": 16}, (20, 1, 16, 0)),
        # xAI counts reasoning beside the completion.
        ({"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 40}}, (0, 49, 0, 40)),
        ("many", (0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_counts_are_read_as_they_are_meant(wire: Any, expected: tuple[int, int, int, int]) -> None:
    usage = usage_of(wire)
    assert counts(usage) == expected
    assert usage.cached_tokens + usage.cache_write_tokens <= usage.input_tokens


@pytest.mark.parametrize(
    "wire",
    [
        {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20},
        {"prompt_tokens": 125, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20},
        {"prompt_tokens": 125, "prompt_tokens_details": {"cached_tokens": 100, "cache_creation_tokens": 20}},
    ],
)
def test_tokens_written_to_a_cache_are_told_apart_and_are_part_of_the_input(wire: dict[str, Any]) -> None:
    assert usage_of(wire) == Usage(input_tokens=125, cached_tokens=100, cache_write_tokens=20)
