"""The spool's promises: order, bounds, counted loss, and survival of whatever kills its process."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.settings import WhenFull
from services.parts.spool.entries import Entry, entry_in, frame, payloads_in
from services.parts.spool.spool import Spool, SpoolFull, SpoolTaken
from tests.fixtures.waiting import PATIENCE_S


def entry(number: int, size: int = 100) -> Entry:
    return Entry("topic", b"key", f"{number}".encode().ljust(size, b"."), (("ce_id", b"1"),))


def number_of(entry: Entry) -> int:
    return int(entry.value.rstrip(b".x"))


def opened(folder: Path, max_bytes: int = 1 << 20, policy: WhenFull = "drop-oldest") -> closing[Spool]:
    return closing(Spool(folder, max_bytes=max_bytes, policy=policy))


def drained(spool: Spool, at_once: int = 7) -> Iterator[int]:
    while batch := spool.read(at_once, 0):
        yield from map(number_of, batch.entries)
        spool.acknowledge(batch)


@given(st.lists(st.binary(max_size=50)), st.integers(0, 400), st.binary(max_size=20))
def test_frames_before_a_torn_tail_are_all_read_and_nothing_else(values: list[bytes], cut: int, junk: bytes) -> None:
    entries = [Entry("t", b"", value) for value in values]
    data = b"".join(frame(e) for e in entries)
    whole = [entry_in(payload) for payload, end in payloads_in(data) if end <= cut]
    read = [entry_in(payload) for payload, _ in payloads_in(data[:cut] + junk)]
    assert read[: len(whole)] == whole
    assert read == entries[: len(read)] or cut < len(data)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=60), st.randoms(use_true_random=False))
def test_entries_come_out_once_and_in_order_over_any_restarts(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    read: list[int] = []
    written = 0
    spool = Spool(folder, max_bytes=20_000, policy="block")
    for size in sizes:
        spool.append([entry(written + i) for i in range(size)])
        written += size
        if chance.random() < 0.4 and (batch := spool.read(chance.randint(1, 9), 0)):
            read.extend(map(number_of, batch.entries))
            spool.acknowledge(batch)
        if chance.random() < 0.2:
            spool.close()
            spool = Spool(folder, max_bytes=20_000, policy="block")
        if spool.full or spool.size_bytes > 15_000:
            read.extend(drained(spool))
    read.extend(drained(spool))
    assert (spool.waiting, spool.lost) == (0, 0)
    spool.close()
    assert read == list(range(written))


def test_an_unacknowledged_batch_is_read_again(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.append([entry(1), entry(2)])
        assert spool.read(10, 0) == spool.read(10, 0)


def test_acknowledged_entries_leave_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=8_000) as spool:
        for number in range(40):
            spool.append([entry(number)])
        assert list(drained(spool)) == list(range(40))
        assert spool.size_bytes < 1_200


def test_a_busy_spool_that_is_emptied_again_and_again_stays_small(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=1 << 26) as spool:
        for number in range(30):
            spool.append([entry(number, 1_000_000)])
            assert list(drained(spool)) == [number]
            assert spool.size_bytes <= 5_000_000


def test_a_full_spool_that_blocks_takes_nothing_and_says_when_to_come_back(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=1_000, policy="block") as spool:
        spool.append([entry(n) for n in range(4)])
        with pytest.raises(SpoolFull) as full:
            spool.append([entry(n) for n in range(4, 12)])
        assert full.value.retry_after > 0
        assert list(drained(spool)) == [0, 1, 2, 3]
        spool.append([entry(n) for n in range(4, 10)])


def test_a_full_spool_drops_its_oldest_counts_them_and_keeps_what_is_being_sent(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=8_000) as spool:
        spool.append([entry(0)])
        sending = spool.read(1, 0)
        assert sending is not None
        for number in range(1, 500):
            spool.append([entry(number)])
        assert spool.size_bytes <= 8_000
        spool.acknowledge(sending)
        kept = list(drained(spool))
        assert spool.lost + len(kept) + 1 == 500
        assert kept == sorted(kept)
        assert kept[-1] == 499


def test_what_is_dropped_is_told_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path, max_bytes=8_000) as spool:
        for number in range(500):
            spool.append([entry(number)])
        assert spool.lost > 0
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "events lost since the start: the spool is full" in told.getMessage()


def test_a_torn_tail_loses_only_itself(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.append([entry(1), entry(2)])
    (segment,) = [path for path in tmp_path.glob("*.segment") if path.stat().st_size]
    segment.write_bytes(segment.read_bytes() + frame(entry(3))[:-1])
    with opened(tmp_path) as spool:
        spool.append([entry(4)])
        assert list(drained(spool)) == [1, 2, 4]


def test_a_lost_note_of_what_was_acknowledged_repeats_and_loses_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.append([entry(1), entry(2)])
        batch = spool.read(1, 0)
        assert batch is not None
        spool.acknowledge(batch)
    (tmp_path / "acknowledged").write_bytes(b"torn")
    with opened(tmp_path) as spool:
        assert list(drained(spool)) == [1, 2]


def test_one_folder_belongs_to_one_process(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(SpoolTaken):
        Spool(tmp_path)


def test_a_disk_that_spoils_a_segment_costs_that_segment_and_is_counted(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.append([entry(1), entry(2)])
        (segment,) = tmp_path.glob("*.segment")
        segment.write_bytes(b"\0" * segment.stat().st_size)
        assert spool.read(10, 0) is None
        assert spool.lost == 2
        spool.append([entry(3)])
        assert list(drained(spool)) == [3]


def test_appending_threads_and_a_reader_agree(tmp_path: Path) -> None:
    with opened(tmp_path, max_bytes=1 << 22, policy="block") as spool:
        threads = [threading.Thread(target=_append_many, args=(spool, t * 1000)) for t in range(3)]
        for thread in threads:
            thread.start()
        read: list[int] = []
        while len(read) < 1500 and (batch := spool.read(50, PATIENCE_S)):
            read.extend(map(number_of, batch.entries))
            spool.acknowledge(batch)
        for thread in threads:
            thread.join()
    assert sorted(read) == sorted(t * 1000 + n for t in range(3) for n in range(500))


def _append_many(spool: Spool, first: int) -> None:
    for number in range(first, first + 500):
        spool.append([entry(number)])


@pytest.mark.parametrize("seed", range(3))
def test_kill_minus_nine_loses_nothing_that_append_returned_for(tmp_path: Path, seed: int) -> None:
    command = [sys.executable, "-m", "tests.services.parts.spool.writer", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        promised = [int(child.stdout.readline()) for _ in range(random.Random(seed).randint(1, 400))]
        child.kill()
        promised += [int(line) for line in child.stdout if line.endswith("\n")]
    with opened(tmp_path) as spool:
        found = list(drained(spool, 1000))
    assert found[: len(promised)] == promised
    assert found == list(range(len(found)))
