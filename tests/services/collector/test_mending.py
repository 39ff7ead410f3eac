"""What other writers of JSON let pass is mended; what is no JSON stays none."""

import json
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.collector.conventions.attributes import decoded
from services.collector.mending import mended

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb'["cut \ud83d"]', ["cut \ufffd"]),
        (rb'["\ud83d\ude00", "\\ud83d", "\ude00\ud83d"]', ["\U0001f600", "\\ud83d", "\ufffd\ufffd"]),
        (b'["cut \xf0\x9f"]', ["cut \ufffd"]),
        (b'[NaN, Infinity, -Infinity, "NaN", 1e999]', [None, None, None, "NaN", None]),
        (b"[" + b"9" * 400 + b", 7, -2.5E+3, true]", [None, 7, -2500.0, True]),
        (b"[" * 100 + b"]" * 100, json.loads("[" * 100 + "]" * 100)),
        (
            b'{"a": ' + b"[" * 5000 + b"1" + b"]" * 5000 + b', "b": 1}',
            {"a": json.loads("[" * 99 + "null" + "]" * 99), "b": 1},
        ),
    ],
    ids=["half", "pairs", "bytes", "no numbers", "large numbers", "deep", "too deep"],
)
def test_what_strict_readers_refuse_is_mended(written: bytes, read: object) -> None:
    assert msgspec.json.decode(mended(written)) == read


@given(value=VALUES)
def test_sound_json_means_the_same_afterwards(value: object) -> None:
    assert json.loads(mended(json.dumps(value).encode())) == value


@settings(deadline=None)
@given(data=st.binary(max_size=200) | st.text('[]{}",:\\u0dD8NaN19e', max_size=60).map(str.encode))
def test_any_bytes_can_be_given(data: bytes) -> None:
    assert mended(data).decode() is not None


@pytest.mark.parametrize(
    "body", [b'["' + b'\\"' * 200_000, b"[" * 400_000, b'"' * 400_001], ids=["open", "deep", "odd"]
)
def test_mending_takes_time_in_proportion(body: bytes) -> None:
    start = time.thread_time()
    mended(body)
    assert time.thread_time() - start < 5


MESSAGES = json.dumps(
    [{"role": "user", "parts": [{"type": "text", "content": 'is "\u00e9" safe, or [not]?'}]}, {"role": "x"}]
)


@given(length=st.integers(1, len(MESSAGES) - 1))
def test_the_start_of_a_json_text_is_read_as_far_as_it_goes(length: int) -> None:
    found, intact = decoded(MESSAGES[:length])
    assert not intact
    assert found is None or isinstance(found, list)
    assert length < 20 or found, "a role was readable"


def test_a_cut_text_is_kept_up_to_the_cut() -> None:
    found, _ = decoded(MESSAGES[: MESSAGES.index("safe")])
    assert found == [{"role": "user", "parts": [{"type": "text", "content": 'is "\u00e9" '}]}]
