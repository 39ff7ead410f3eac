"""`id` and `model` under our names, where they are there."""

import json

import pytest

from services.gateway.wire.addresses import Addresses, ours, theirs

REQUEST_ID = "resp_01981f2a-6c64-7b20-9d4e-3a0c6f8b2d02"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            b'{"id": "up",  "nested": {"id": 1, "model": [1.50, null]},\n"model":"m" }',
            b'{"id": "ours",  "nested": {"id": 1, "model": [1.50, null]},\n"model":"app" }',
        ),
        (b'{"object": "list", "model": null}', b'{"object": "list", "model": "app"}'),
        (b'{"data": [NaN, "\\ud800"], "id": 7}', b'{"data": [NaN, "\\ud800"], "id": "ours"}'),
        (b"{}", b"{}"),
        (b"<html>", b"<html>"),
    ],
)
def test_only_what_is_there_is_readdressed(data: bytes, expected: bytes) -> None:
    assert Addresses("ours", "app").put_on(data) == expected


def test_chunks_that_begin_alike_and_others_are_readdressed_alike() -> None:
    addresses = Addresses("ours", "app")
    for chunk in ({"id": "u", "model": "m", "n": 1}, {"id": "u", "model": "m", "n": 2}, {"id": "v", "model": "m"}):
        found = json.loads(addresses.put_on(json.dumps(chunk).encode()))
        assert found == {**chunk, "id": "ours", "model": "app"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"choices":[1],"usage":null}', b'{"choices":[1]}'),
        (b'{"choices":[1],"usage":null,"obfuscation":"x"}', b'{"choices":[1],"obfuscation":"x"}'),
        (b'{"choices":[1],"usage":{"a":1}}', b'{"choices":[1],"usage":{"a":1}}'),
        (b'{"choices":[{"usage":null}]}', b'{"choices":[{"usage":null}]}'),
    ],
)
def test_a_usage_of_null_that_only_we_asked_for_is_taken_out(data: bytes, expected: bytes) -> None:
    assert Addresses("ours", "app", hides_usage=True).put_on(data) == expected
    assert Addresses("ours", "app").put_on(data) == data


def test_the_id_of_a_response_leads_back_to_the_upstreams() -> None:
    event = b'{"type":"response.created","response":{"id":"resp_up.1","model":"m","output":[]}}'
    told = json.loads(Addresses(REQUEST_ID, "app", paired=True).put_on_event(event))
    client_id = told["response"]["id"]
    assert (ours(client_id), theirs(client_id)) == (REQUEST_ID, "resp_up.1")
    assert told["response"]["model"] == "app"


@pytest.mark.parametrize("foreign", ["resp_up", "chatcmpl-1.2", "", REQUEST_ID])
def test_an_id_that_is_not_of_ours_and_theirs_is_itself(foreign: str) -> None:
    assert ours(foreign) == theirs(foreign) == foreign
