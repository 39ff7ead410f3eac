"""Counts, times, errors and people, whoever tells of them."""

import pytest

from services.collector.otlp.spans import Attribute
from tests.services.collector.conventions.spans import event, read

CHAT: dict[str, Attribute] = {"gen_ai.operation.name": "chat"}
READ, WRITTEN = 128_955, 1_253


@pytest.mark.parametrize(
    "counts",
    [
        {
            "gen_ai.usage.input_tokens": 130_213,
            "gen_ai.usage.cache_read.input_tokens": READ,
            "gen_ai.usage.cache_creation.input_tokens": WRITTEN,
        },
        {
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.cache_read.input_tokens": READ,
            "gen_ai.usage.cache_creation.input_tokens": WRITTEN,
        },
        {
            "gen_ai.usage.input_tokens": 130_213,
            "gen_ai.usage.cache_read_input_tokens": READ,
            "gen_ai.usage.cache_creation_input_tokens": WRITTEN,
        },
        {
            "llm.token_count.prompt": 130_213,
            "llm.token_count.prompt_details.cache_read": READ,
            "llm.token_count.prompt_details.cache_write": WRITTEN,
        },
    ],
    ids=["counted in", "beside", "underscored", "OpenInference"],
)
def test_cached_tokens_are_part_of_the_input_whoever_tells_them(counts: dict[str, Attribute]) -> None:
    _, answered = read({**CHAT, "gen_ai.usage.output_tokens": 100, **counts})
    usage = answered.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (130_213, READ, 100)
    assert usage.cache_write_tokens == WRITTEN
    assert answered.cost_usd == pytest.approx(0.130413)


def test_fewer_cached_tokens_than_fresh_ones_are_beside_where_the_total_says_so() -> None:
    counts: dict[str, Attribute] = {
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.output_tokens": 10,
    }
    assert read({**CHAT, **counts})[1].usage.input_tokens == 1000
    assert read({**CHAT, **counts, "gen_ai.usage.total_tokens": 1410})[1].usage.input_tokens == 1400
    assert read({**CHAT, **counts, "gen_ai.usage.total_tokens": 1010})[1].usage.input_tokens == 1000


def test_reasoning_is_part_of_the_output_whoever_tells_it() -> None:
    counts: dict[str, Attribute] = {"gen_ai.usage.output_tokens": 20, "gen_ai.usage.reasoning.output_tokens": 5}
    beside: dict[str, Attribute] = {"gen_ai.usage.output_tokens": 20, "gen_ai.usage.reasoning_tokens": 50}
    assert read({**CHAT, **counts})[1].usage.output_tokens == 20
    assert read({**CHAT, **beside})[1].usage.output_tokens == 70


def test_the_first_name_that_has_a_number_counts() -> None:
    counts: dict[str, Attribute] = {"gen_ai.usage.input_tokens": float("nan"), "gen_ai.usage.prompt_tokens": 7}
    assert read({**CHAT, **counts})[1].usage.input_tokens == 7


@pytest.mark.parametrize(
    ("attributes", "milliseconds"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.25}, 250),
        ({"gen_ai.server.time_to_first_token": "0.25"}, 250),
        ({"ai.response.msToFirstChunk": 250.0}, 250),
        ({"gen_ai.response.time_to_first_chunk": float("nan")}, None),
        ({"gen_ai.response.time_to_first_chunk": -1}, None),
        ({"gen_ai.response.time_to_first_chunk": 1e308}, None),
        ({}, None),
    ],
)
def test_the_time_to_the_first_token_is_read(attributes: dict[str, Attribute], milliseconds: float | None) -> None:
    assert read({**CHAT, **attributes})[1].ttft_ms == milliseconds


@pytest.mark.parametrize("name", ["First Token Stream Event", "llm.content.completion.chunk", "ai.stream.firstChunk"])
def test_an_event_tells_the_time_to_the_first_token(name: str) -> None:
    assert read(CHAT, event(name, 250), event(name, 400), event(name, -5))[1].ttft_ms == 250
    assert read(CHAT, event("something else", 250))[1].ttft_ms is None


def test_an_error_is_named_by_its_type_or_by_what_was_raised() -> None:
    raised = event("exception", exception__type="openai.RateLimitError", exception__message="secret")
    assert read({**CHAT, "error.type": "timeout"})[1].error_type == "timeout"
    assert read(CHAT, raised, failed=True)[1].error_type == "openai.RateLimitError"
    assert read(CHAT, failed=True)[1].error_type == "error"
    assert read(CHAT, raised)[1].error_type == ""
    assert len(read({**CHAT, "error.type": "x" * 1000})[1].error_type) == 256


@pytest.mark.parametrize(
    ("session", "user", "tenant"),
    [
        ("gen_ai.conversation.id", "user.id", "driftloop.tenant"),
        ("session.id", "enduser.id", "tenant.id"),
        *[tuple(f"traceloop.association.properties.{name}" for name in ("session_id", "user_id", "tenant_id"))],
    ],
)
def test_session_user_and_tenant_are_read(session: str, user: str, tenant: str) -> None:
    asked, _ = read({**CHAT, session: "s-1", user: "ada", tenant: "shop"})
    assert (asked.session_id, asked.user_id, asked.tenant) == ("s-1", "ada", "shop")


def test_sampling_is_read_from_openinferences_parameters() -> None:
    parameters = '{"max_tokens": 64, "temperature": 0.5, "top_p": "0.9", "seed": 7, "stream": true}'
    sampling = read({**CHAT, "llm.invocation_parameters": parameters})[0].sampling
    assert (sampling.max_tokens, sampling.temperature, sampling.top_p, sampling.seed) == (64, 0.5, 0.9, 7)
    assert sampling.stream


def test_a_response_id_that_is_too_long_to_be_one_gives_way_to_the_spans() -> None:
    assert len(read({**CHAT, "gen_ai.response.id": "r" * 300})[0].request_id) == 49
