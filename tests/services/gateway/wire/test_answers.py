"""Completions and streams: what is understood of them in any dialect, and what is told apart."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inference import ToolCall
from services.gateway.wire.answers import Answer, ChatTranscript, read_completion
from services.gateway.wire.formats.reading import Doubts


def chunk(**fields: object) -> bytes:
    return json.dumps({"id": "x", "model": "m", **fields}).encode()


def said(at: int = 0, **delta: object) -> bytes:
    return chunk(choices=[{"index": at, "delta": delta}])


def finished(reason: str = "stop", index: int = 0) -> bytes:
    return chunk(choices=[{"index": index, "delta": {}, "finish_reason": reason}])


def heard(*events: bytes) -> ChatTranscript:
    transcript = ChatTranscript()
    for event in events:
        transcript.hear(event)
    return transcript


def completion(**message: object) -> bytes:
    return chunk(choices=[{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}])


def read(data: bytes) -> tuple[Answer, int]:
    doubts = Doubts()
    answer = read_completion(data, doubts)
    assert answer is not None
    return answer, doubts.count


def text(answer: Answer) -> str:
    return answer.output.text if answer.output else ""


def test_a_transcript_joins_words_tool_calls_and_usage() -> None:
    transcript = ChatTranscript()
    spoke = [transcript.spoke for word in ("", "Hel") if not transcript.hear(said(content=word))]
    assert spoke == [False, True]
    transcript.hear(said(content="lo"))
    transcript.hear(said(tool_calls=[{"index": 0, "id": "t1", "function": {"name": "look", "arguments": '{"a"'}}]))
    transcript.hear(said(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]))
    transcript.hear(finished("tool_calls"))
    assert transcript.hear(chunk(choices=[], usage={"prompt_tokens": 4, "completion_tokens": 2}))
    transcript.hear(b"[DONE]")
    answer = transcript.answer()
    assert transcript.done
    assert text(answer) == "Hello"
    assert answer.output is not None
    assert answer.output.tool_calls == (ToolCall(id="t1", name="look", arguments='{"a": 1}'),)
    assert (answer.finish_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("tool_calls", 4, 2)


@pytest.mark.parametrize("choices", [{"choices": []}, {"choices": None}, {}])
def test_a_chunk_of_usage_alone_is_known_with_empty_null_and_no_choices(choices: dict[str, Any]) -> None:
    transcript = ChatTranscript()
    assert transcript.hear(chunk(usage={"prompt_tokens": 12}, **choices))
    assert transcript.answer().usage.input_tokens == 12


def test_a_stream_is_finished_when_each_choice_that_began_has_its_reason() -> None:
    transcript = heard(said(0, content="a"), said(1, content="b"), finished(index=0))
    before, _ = transcript.finished, transcript.hear(finished("length", index=1))
    assert (before, transcript.finished) == (False, True)
    answer = transcript.answer()
    assert (text(answer), answer.others[0].output.text, answer.others[0].finish_reason) == ("a", "b", "length")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_heard_apart_and_is_the_first_token(name: str) -> None:
    transcript = heard(said(role="assistant"))
    assert transcript.answer().output is None
    transcript.hear(chunk(choices=[{"index": 0, "delta": {name: "hm, "}}]))
    assert transcript.answer().output is not None
    transcript.hear(chunk(choices=[{"index": 0, "delta": {name: "yes", "content": None}}]))
    transcript.hear(said(content="safe"))
    assert (transcript.answer().reasoning, text(transcript.answer())) == ("hm, yes", "safe")


def test_an_error_in_a_stream_is_heard_with_its_words_and_what_was_said_before_is_kept() -> None:
    told = {"message": "too long", "type": "BadRequestError", "code": 400}
    transcript = heard(said(content="Hello"), chunk(error=told))
    answer = transcript.answer()
    assert text(answer) == "Hello"
    assert answer.error is not None
    assert (answer.error.message, answer.error.kind) == ("too long", "BadRequestError")


def test_a_chunk_that_is_no_json_is_a_doubt_and_no_more() -> None:
    transcript = heard(said(content="a"), b"<html>", b"[1]", said(content="b"))
    assert (text(transcript.answer()), transcript.doubts.count) == ("ab", 2)


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"3"])
def test_what_is_no_object_is_no_completion(data: bytes) -> None:
    assert read_completion(data, Doubts()) is None


@pytest.mark.parametrize("data", [b"{}", b'{"choices": []}', b'{"choices": null}', b'{"choices": [{"message": 3}]}'])
def test_a_completion_that_says_nothing_is_an_answer_without_text(data: bytes) -> None:
    assert text(read(data)[0]) == ""


def test_a_lone_surrogate_is_read_as_a_replacement_character() -> None:
    assert text(read(completion(content="a\ud800b"))[0]) == "a\ufffdb"


def test_a_content_of_parts_is_its_texts_and_its_thoughts_apart() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two"},
    ]
    answer, doubts = read(completion(content=parts))
    assert (text(answer), answer.reasoning, doubts) == ("one\ntwo", "hm", 0)


def test_all_choices_are_read() -> None:
    choices = [{"index": n, "message": {"content": f"c{n}"}, "finish_reason": "stop"} for n in range(3)]
    answer, _ = read(chunk(choices=choices))
    assert [text(answer), *(other.output.text for other in answer.others)] == ["c0", "c1", "c2"]


@pytest.mark.parametrize(
    ("call", "expected", "doubts"),
    [
        ({"id": "c", "function": {"name": "f", "arguments": "{}"}}, ("c", "f", "{}"), 0),
        ({"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}, ("c", "f", '{"a":1}'), 0),
        ({"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}, ("c", "f", "x"), 0),
        ({"id": "c", "type": "new_kind", "new_kind": {"q": 1}}, ("c", "new_kind", '{"new_kind":{"q":1}}'), 1),
    ],
)
def test_tool_calls_of_any_kind_are_read(call: dict[str, Any], expected: tuple[str, str, str], doubts: int) -> None:
    answer, found = read(completion(content=None, tool_calls=[call]))
    assert answer.output is not None
    (only,) = answer.output.tool_calls
    assert ((only.id, only.name, only.arguments), found) == (expected, doubts)


NAMES = st.sampled_from(
    ("choices", "message", "delta", "content", "tool_calls", "function", "custom", "index", "id", "name", "arguments")
)
MORE_NAMES = st.sampled_from(
    ("type", "text", "usage", "prompt_tokens", "error", "finish_reason", "reasoning", "function_call", "image_url")
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | MORE_NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES | MORE_NAMES, anything, max_size=5))
def test_nothing_that_is_json_makes_a_reader_raise(tree: dict[str, Any]) -> None:
    data = json.dumps(tree).encode()
    assert read_completion(data, Doubts()) is not None
    heard(data, data).answer()
