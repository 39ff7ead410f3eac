"""When events are on the spool: what an answer depends on at once, what nobody waits for soon, long texts aside."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psutil

from schemas.codec import decode
from schemas.configuration import App
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded, Message
from services.gateway.recording.aside import Aside
from services.gateway.recording.entries import MOST_AT_HAND, Recorded
from services.gateway.recording.recorder import Recorder
from services.parts.spool.entries import Entry
from services.parts.spool.spool import Spool
from services.privacy.policies import Policies
from tests.fixtures.waiting import PATIENCE_S

NOW = datetime.now(UTC)
MAIL = "jane.doe@example.com"
LONG = f"write to {MAIL} " + "word " * (MOST_AT_HAND // 5)
APPS = (App(name="a", base_model="b"),)


class Held(Aside):
    """Makes nothing until it is let."""

    def __init__(self, folder: Path) -> None:
        super().__init__(APPS, folder)
        self.let = asyncio.Event()

    async def entry(self, event: Recorded) -> Entry:
        await self.let.wait()
        return await super().entry(event)


def requested(number: int, text: str = "hello") -> InferenceRequested:
    asked = (Message(role="user", content=text),)
    return InferenceRequested(
        event_id=f"asked-{number}", occurred_at=NOW, app="a", request_id=f"{number}", messages=asked
    )


def responded(number: int, text: str = "hello") -> InferenceResponded:
    asked = (Message(role="user", content=text),)
    return InferenceResponded(
        event_id=f"said-{number}", occurred_at=NOW, app="a", request_id=f"{number}", messages=asked
    )


def _recording(folder: Path, use: Callable[[Recorder, Spool, Held], Awaitable[None]], *, unrecorded: int = 0) -> None:
    async def run() -> None:
        failures: list[int] = []
        with closing(Spool(folder / "spool")) as spool:
            aside = Held(folder)
            recorder = Recorder(spool, lambda: failures.append(1), Policies(APPS, folder), aside)
            await asyncio.wait_for(use(recorder, spool, aside), PATIENCE_S)
            await recorder.close()
        assert len(failures) == unrecorded

    asyncio.run(run())


def _stored(spool: Spool) -> list[Entry]:
    batch = spool.read(100, 0)
    return [*batch.entries] if batch else []


def _ids(spool: Spool) -> list[bytes]:
    return [dict(entry.headers)["ce_id"] for entry in _stored(spool)]


def test_a_request_is_on_the_spool_soon_though_nothing_follows_it(tmp_path: Path) -> None:
    async def use(recorder: Recorder, spool: Spool, _: Held) -> None:
        for number in range(3):
            recorder.note(f"{number}", lambda number=number: requested(number))  # type: ignore[misc]  # a default binds
            assert spool.waiting == number
            while spool.waiting == number:
                await asyncio.sleep(0.001)
        assert _ids(spool) == [b"asked-0", b"asked-1", b"asked-2"]

    _recording(tmp_path, use)


def test_an_answer_is_on_the_spool_when_it_is_told_behind_its_request_and_does_not_wait_for_others(
    tmp_path: Path,
) -> None:
    async def use(recorder: Recorder, spool: Spool, _: Held) -> None:
        recorder.note("1", lambda: requested(1))
        recorder.note("2", lambda: requested(2))
        assert recorder.answered("2", lambda: responded(2)) is None
        assert _ids(spool) == [b"asked-2", b"said-2"]
        while spool.waiting < 3:
            await asyncio.sleep(0.001)
        assert _ids(spool) == [b"asked-2", b"said-2", b"asked-1"]

    _recording(tmp_path, use)


def test_requests_that_came_together_are_made_one_by_one_and_the_loop_goes_on_between_them(tmp_path: Path) -> None:
    seen: list[str] = []

    async def use(recorder: Recorder, spool: Spool, _: Held) -> None:
        def made(number: int) -> InferenceRequested:
            asyncio.get_running_loop().call_soon(seen.append, "other")
            seen.append("made")
            return requested(number)

        for number in range(3):
            recorder.note(f"{number}", lambda number=number: made(number))  # type: ignore[misc]  # a default binds
        while spool.waiting < 3:
            await asyncio.sleep(0)

    _recording(tmp_path, use)
    assert seen[:5] == ["made", "other", "made", "other", "made"]


def test_others_are_recorded_while_a_long_text_is_being_read_and_its_own_answer_waits(tmp_path: Path) -> None:
    async def use(recorder: Recorder, spool: Spool, aside: Held) -> None:
        recorder.note("1", lambda: requested(1, LONG))
        long = recorder.answered("1", lambda: responded(1, LONG))
        assert long is not None
        waiting = asyncio.ensure_future(long)
        recorder.note("2", lambda: requested(2))
        assert recorder.answered("2", lambda: responded(2)) is None
        assert _ids(spool) == [b"asked-2", b"said-2"]
        assert not waiting.done()
        aside.let.set()
        await waiting
        assert _ids(spool) == [b"asked-2", b"said-2", b"asked-1", b"said-1"]

    _recording(tmp_path, use)


def test_a_long_text_is_masked_by_a_process_that_is_not_this_one_and_ends_with_the_recorder(tmp_path: Path) -> None:
    pids: list[int] = []

    async def use(recorder: Recorder, spool: Spool, aside: Held) -> None:
        aside.let.set()
        for event in ("1", "2"):
            if (recorded := recorder.answered(event, lambda event=event: responded(int(event), LONG))) is not None:  # type: ignore[misc]  # a default binds
                await recorded
            assert aside.pid is not None
            pids.append(aside.pid)
        for entry in _stored(spool):
            told = decode(entry.topic, entry.value, NOW)
            assert isinstance(told, InferenceResponded)
            assert told.prompt == LONG.replace(MAIL, "[EMAIL]")
            assert told.private is not None
            assert told.private.counts == {"EMAIL": 1}

    _recording(tmp_path, use)
    assert pids[0] == pids[1]
    assert not psutil.pid_exists(pids[0])


def test_the_process_that_dies_is_followed_by_another(tmp_path: Path) -> None:
    async def use(recorder: Recorder, spool: Spool, aside: Held) -> None:
        aside.let.set()
        for number in (1, 2):
            recorded = recorder.answered(f"{number}", lambda number=number: responded(number, LONG))  # type: ignore[misc]  # a default binds
            assert recorded is not None
            await recorded
            assert aside.pid is not None
            psutil.Process(aside.pid).kill()
        assert _ids(spool) == [b"said-1", b"said-2"]

    _recording(tmp_path, use)


def test_who_leaves_while_a_long_text_is_read_takes_no_record_away(tmp_path: Path) -> None:
    async def use(recorder: Recorder, spool: Spool, aside: Held) -> None:
        recorded = recorder.answered("1", lambda: responded(1, LONG))
        assert recorded is not None
        waiting = asyncio.ensure_future(recorded)
        await asyncio.sleep(0)
        waiting.cancel()
        aside.let.set()
        while not spool.waiting:
            await asyncio.sleep(0.001)

    _recording(tmp_path, use)


def test_what_cannot_be_made_is_counted_and_raises_nothing(tmp_path: Path) -> None:
    def fails() -> InferenceResponded:
        raise ValueError("no")

    async def use(recorder: Recorder, spool: Spool, aside: Held) -> None:
        aside.let.set()
        recorder.note("1", lambda: requested(1))
        assert recorder.answered("1", fails) is None
        recorded = recorder.answered("2", lambda: responded(2, LONG + "\ud800"))
        assert recorded is not None
        await recorded
        assert recorder.answered("3", lambda: responded(3)) is None
        assert _ids(spool) == [b"asked-1", b"said-3"]

    _recording(tmp_path, use, unrecorded=2)


def test_many_judgements_are_masked_aside_and_on_the_spool_when_keep_returns(tmp_path: Path) -> None:
    async def use(recorder: Recorder, spool: Spool, aside: Held) -> None:
        given = [
            FeedbackGiven(
                event_id=f"f{n}", occurred_at=NOW, app="a", request_id="r", score=1, comment=f"{MAIL} {'w ' * 2000}"
            )
            for n in range(3)
        ]
        pids = [aside.pid]
        await recorder.keep(given[0])
        pids.append(aside.pid)
        aside.let.set()
        await recorder.keep(*given)
        assert [pid is None for pid in (*pids, aside.pid)] == [True, True, False]
        assert _ids(spool) == [b"f0", b"f0", b"f1", b"f2"]
        assert not [entry for entry in _stored(spool) if MAIL.encode() in entry.value]

    _recording(tmp_path, use)
