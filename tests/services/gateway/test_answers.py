"""Completions and streams: what is understood, and that chunking changes nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.answers import BadAnswer, EventSplitter, Transcript, parse_completion, readdressed


def chunk(**fields: object) -> bytes:
    return json.dumps({"id": "x", "model": "m", **fields}).encode()


def said(**delta: object) -> bytes:
    return chunk(choices=[{"index": 0, "delta": delta}])


@given(
    st.lists(st.binary(min_size=1).map(lambda b: b.hex().encode()), max_size=8),
    st.data(),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_events_are_the_same_however_the_network_cuts_them(
    payloads: list[bytes], data: st.DataObject, end: bytes
) -> None:
    stream = b"".join(b"data: " + payload + end + end for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    splitter = EventSplitter()
    assert [event for piece in pieces for event in splitter.feed(piece)] == payloads


def test_an_event_without_end_is_refused_before_it_fills_memory() -> None:
    splitter = EventSplitter()
    for _ in range(4):
        splitter.feed(b"x" * 1024 * 1024)
    with pytest.raises(BadAnswer):
        splitter.feed(b"x")


def test_a_transcript_joins_words_tool_calls_and_usage() -> None:
    transcript = Transcript()
    spoke = [transcript.spoke for text in ("", "Hel") if not transcript.hear(said(content=text))]
    assert spoke == [False, True]
    transcript.hear(said(content="lo"))
    transcript.hear(said(tool_calls=[{"index": 0, "id": "t1", "function": {"name": "look", "arguments": '{"a"'}}]))
    transcript.hear(said(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]))
    transcript.hear(chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]))
    assert transcript.hear(chunk(choices=[], usage={"prompt_tokens": 4, "completion_tokens": 2}))
    transcript.hear(b"[DONE]")
    answer = transcript.answer()
    assert transcript.done
    assert answer.output is not None
    assert answer.output.text == "Hello"
    assert answer.output.tool_calls[0].arguments == '{"a": 1}'
    assert (answer.finish_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("tool_calls", 4, 2)


@pytest.mark.parametrize("data", [b"", b"<html>", b"{}", b'{"choices": []}', b'{"choices": [{"message": 3}]}'])
def test_what_is_no_completion_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_completion(data)


def test_readdressing_keeps_what_it_does_not_know() -> None:
    data = chunk(choices=[], system_fingerprint="f", nested={"deep": [1.50, None]})
    assert json.loads(readdressed(data, "ours", "app")) == {**json.loads(data), "id": "ours", "model": "app"}
