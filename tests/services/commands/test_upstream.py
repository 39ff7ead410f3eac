"""Against real HTTP servers with the manners of several model servers."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.commands.upstream import Upstream, UpstreamSilent, look_at, tidied
from services.parts.credentials import with_key
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.upstream import BASE, KEY, StubUpstream


def _seen(stub: StubUpstream) -> Upstream:
    with Served(stub.application) as server:
        return look_at(server.url, 5)


def test_adapters_are_not_among_the_bases() -> None:
    seen = _seen(StubUpstream(["a", "b"], ["a-v1"]))
    assert (seen.bases, seen.models) == (("a", "b"), ("a", "b", "a-v1"))


def test_an_endpoint_that_judges_an_empty_order_is_there_and_loads_nothing_for_it() -> None:
    stub = StubUpstream(loading="there")
    seen = _seen(stub)
    assert (seen.loading, seen.why) == ("yes", "POST /v1/load_lora_adapter is there: it judged an empty order (400)")
    assert stub.loaded == []


def test_a_server_without_the_endpoint_cannot_load() -> None:
    assert (_seen(StubUpstream()).loading, _seen(StubUpstream()).why) == (
        "no",
        "POST /v1/load_lora_adapter is not there (404)",
    )


def test_a_server_that_judges_bodies_at_any_address_says_nothing_of_the_endpoint() -> None:
    assert _seen(StubUpstream(loading="anything")).loading == "unknown"


def test_a_server_that_wants_a_key_is_told_from_one_that_cannot() -> None:
    with Served(StubUpstream(loading="key").application) as server:
        without, with_it = look_at(server.url, 5), look_at(server.url, 5, with_key(KEY))
    assert (without.models, without.wants_a_key, without.loading) == (None, True, "unknown")
    assert (with_it.models, with_it.wants_a_key, with_it.loading) == ((BASE,), False, "yes")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"data": [{"id": ""}]}', b'{"data": 7}'])
def test_a_list_that_is_none_is_no_list(body: bytes) -> None:
    async def answer(_: Request) -> Response:
        return Response(body)

    with Served(Starlette(routes=[Route("/v1/models", answer)])) as server:
        assert look_at(server.url, 5).models is None


def test_names_that_cannot_be_printed_are_left_out() -> None:
    assert _seen(StubUpstream(["good", "\x1b[2Jbad"])).bases == ("good",)


def test_nobody_there_is_said_in_words() -> None:
    with pytest.raises(UpstreamSilent, match=r"^connection refused$"):
        look_at(f"http://127.0.0.1:{free_port()}", 5)


def test_one_that_hangs_is_waited_for_so_long_only() -> None:
    async def hang(_: Request) -> Response:
        await asyncio.sleep(2)
        return Response()

    with (
        Served(Starlette(routes=[Route("/v1/models", hang)])) as server,
        pytest.raises(UpstreamSilent, match=r"^no answer in time$"),
    ):
        look_at(server.url, 0.1)


@pytest.mark.parametrize("url", ["vllm-1:8000", "http://vllm-1:8000/", "vllm-1:8000/v1", "http://vllm-1:8000/v1/"])
def test_an_address_as_people_have_it_becomes_what_the_configuration_wants(url: str) -> None:
    assert tidied(url) == "http://vllm-1:8000"


@pytest.mark.parametrize(
    ("owner", "dialect"), [("vllm", "vllm"), ("driftloop", "vllm"), ("llamacpp", "llama.cpp"), ("sglang", "")]
)
def test_the_owner_that_it_names_tells_how_it_is_told_a_constraint(owner: str, dialect: str) -> None:
    assert _seen(StubUpstream(["a"], ["a-v1"], owner=owner)).dialect == dialect
