"""The corpus straight and through the gateway: equal byte for byte but for id and model, and recorded right."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import App, Configuration
from schemas.inference import InferenceRequested, InferenceResponded
from services.gateway.application import Gateway, Limits, application_of
from tests.fixtures.http import Served
from tests.services.gateway.behind import Behind
from tests.services.gateway.canned import Canned
from tests.services.gateway.conftest import APP, AWAY, Running, settings_for
from tests.services.gateway.corpus.mutations import mutated
from tests.services.gateway.corpus.pairs import Pair, pairs, readdressed
from tests.services.gateway.echo import Echo

CORPUS = tuple(pairs())
UPSTREAM_NAME = "base-of-the-guard"


@pytest.fixture(scope="module")
def straight() -> Iterator[tuple[str, Canned]]:
    """An upstream that a test tells what to say."""
    upstream = Canned(())
    with Served(upstream) as served:
        yield served.url, upstream


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as made:
        yield made


@pytest.fixture(scope="module")
def behind(straight: tuple[str, Canned], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A gateway before that upstream."""
    url, upstream = straight
    data: Path = tmp_path_factory.mktemp("corpus")
    app = App(name=APP, base_model=UPSTREAM_NAME, upstreams=(url,), identities="as-sent")
    limits = Limits(spool_bytes=256 << 20, routes_wait_s=0)
    gateway = Gateway(settings_for(data), Configuration(apps=(app,)), edges=AWAY, limits=limits)
    with Served(application_of(gateway)) as served:
        yield Behind(Running(served.url, data, Echo(), settings_for(data)), upstream)


def say(upstream: Canned, pair: Pair) -> None:
    upstream.pieces, upstream.status, upstream.headers = pair.pieces, pair.status, pair.headers


def last_call(behind: Behind) -> tuple[InferenceRequested, InferenceResponded]:
    asked, answered = behind.gateway.events()[-2:]
    assert isinstance(asked, InferenceRequested)
    assert isinstance(answered, InferenceResponded)
    return asked, answered


def test_the_corpus_has_its_size_and_no_name_twice() -> None:
    assert len(CORPUS) >= 200
    assert len({pair.name for pair in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("pair", CORPUS, ids=lambda pair: pair.name)
def test_a_pair_is_the_same_straight_and_through_the_gateway(
    straight: tuple[str, Canned], behind: Behind, client: httpx.Client, pair: Pair
) -> None:
    url, upstream = straight
    say(upstream, pair)
    body = json.dumps(pair.request).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer k"}
    direct = client.post(url + pair.path, content=body, headers=headers)
    through = client.post(behind.gateway.url + pair.path, content=body, headers=headers)
    asked, answered = last_call(behind)
    assert through.status_code == direct.status_code
    assert through.content == readdressed(direct.content, asked.request_id)
    for name in ("content-type", "retry-after", "x-request-id"):
        assert through.headers.get(name) == direct.headers.get(name)
    before, after = upstream.sent[-2:]
    assert after.body == before.body.replace(b'"prompt-guard"', b'"%s"' % UPSTREAM_NAME.encode(), 1)
    assert (after.path, after.headers["authorization"]) == (before.path, "Bearer k")
    assert recorded(answered) == expected_of(pair)


def recorded(answered: InferenceResponded) -> dict[str, Any]:
    usage, output = answered.usage, answered.output
    first = (answered.answer,) if output else ()
    return {
        "texts": (*first, *(choice.output.text for choice in answered.choices)),
        "reasoning": answered.reasoning,
        "calls": tuple((call.name, call.arguments) for call in output.tool_calls) if output else (),
        "finish_reason": answered.finish_reason,
        "counts": (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens),
        "error": (answered.error_type, answered.error_message),
    }


def expected_of(pair: Pair) -> dict[str, Any]:
    expected, counts = pair.expected, pair.expected.counts
    # A stream that says nothing at all has no message either.
    silent = not any(expected.texts) and not expected.calls and "stream" in pair.request
    return {
        "texts": () if silent else expected.texts,
        "reasoning": expected.reasoning,
        "calls": expected.calls,
        "finish_reason": expected.finish_reason,
        "counts": (counts.input, counts.output, counts.cached, counts.reasoning),
        "error": (expected.error_type, expected.error_message),
    }


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_no_mutation_of_what_is_asked_and_said_costs_the_answer_or_the_record(
    straight: tuple[str, Canned], behind: Behind, client: httpx.Client, random: Random
) -> None:
    pair, request, pieces = mutated(CORPUS, random)
    url, upstream = straight
    say(upstream, pair)
    upstream.pieces = pieces
    direct = client.post(url + pair.path, content=request)
    through = client.post(behind.gateway.url + pair.path, content=request)
    assert (through.status_code, b"upstream_error" in through.content) == (direct.status_code, False)
    assert last_call(behind)[0].request_id == through.headers["x-driftloop-request-id"]
