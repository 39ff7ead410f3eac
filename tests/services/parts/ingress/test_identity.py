"""Pseudonyms, trace contexts and keys."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.parts.ingress.identity import new_event_id
from services.parts.ingress.pseudonyms import pseudonym, pseudonym_key
from services.parts.ingress.traces import TraceParent, parse_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_pseudonym_depends_on_user_and_key_and_nobody_stays_nobody() -> None:
    assert pseudonym("ada", b"k") == pseudonym("ada", b"k")
    assert len({pseudonym("ada", b"k"), pseudonym("bob", b"k"), pseudonym("ada", b"other")}) == 3
    assert pseudonym("", b"k") == ""


def test_processes_that_start_together_agree_on_one_private_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: pseudonym_key(tmp_path / "data"), range(32)))
    assert len(keys) == 1
    (file,) = (tmp_path / "data").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_a_valid_traceparent_gives_its_ids() -> None:
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-01") == TraceParent(TRACE, SPAN)


@pytest.mark.parametrize(
    "text",
    ["", "junk", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}"],
)
def test_an_invalid_traceparent_is_none(text: str) -> None:
    assert parse_traceparent(text) == TraceParent()


def test_ids_drawn_by_threads_and_forked_children_are_nobody_elses() -> None:
    with ThreadPoolExecutor(8) as pool:
        ours = list(pool.map(lambda _: new_event_id(), range(2000)))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, "\n".join(new_event_id() for _ in range(300)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as read:
        theirs = read.read().split()
    os.waitpid(child, 0)
    later = [new_event_id() for _ in range(300)]
    assert len({*(made[15:] for made in (*ours, *theirs, *later))}) == 2600


def test_an_id_is_of_its_moment() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= uuid.UUID(new_event_id()).int >> 80 <= time.time_ns() // 1_000_000
