"""When events are on the spool: what an answer depends on at once, what nobody waits for soon."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from schemas.inference import InferenceRequested, InferenceResponded, Message
from services.gateway.recording.recorder import Recorder
from services.parts.spool.spool import Spool
from services.privacy.policies import Policies
from tests.fixtures.waiting import PATIENCE_S

_PROMPT = (Message(role="user", content="hello"),)


def requested(number: int) -> InferenceRequested:
    return InferenceRequested(
        event_id=f"asked-{number}", occurred_at=datetime.now(UTC), app="a", request_id=f"{number}", messages=_PROMPT
    )


def responded(number: int) -> InferenceResponded:
    return InferenceResponded(
        event_id=f"said-{number}", occurred_at=datetime.now(UTC), app="a", request_id=f"{number}", messages=_PROMPT
    )


def _recording(folder: Path, use: Callable[[Recorder, Spool], Awaitable[None]]) -> None:
    async def run() -> None:
        failures: list[int] = []
        with closing(Spool(folder)) as spool:
            await asyncio.wait_for(
                use(Recorder(spool, lambda: failures.append(1), Policies((), folder)), spool), PATIENCE_S
            )
        assert failures == []

    asyncio.run(run())


def _ids(spool: Spool) -> list[bytes]:
    batch = spool.read(100, 0)
    return [dict(entry.headers)["ce_id"] for entry in batch.entries] if batch else []


def test_a_request_is_on_the_spool_soon_though_nothing_follows_it(tmp_path: Path) -> None:
    async def use(recorder: Recorder, spool: Spool) -> None:
        for number in range(3):
            recorder.note(lambda number=number: requested(number))  # type: ignore[misc]  # a default binds
            assert spool.waiting == number
            while spool.waiting == number:
                await asyncio.sleep(0.001)
        assert _ids(spool) == [b"asked-0", b"asked-1", b"asked-2"]

    _recording(tmp_path, use)


def test_an_answer_is_on_the_spool_when_it_is_told_and_what_came_before_it_stands_before_it(tmp_path: Path) -> None:
    async def use(recorder: Recorder, spool: Spool) -> None:
        recorder.note(lambda: requested(1))
        recorder.note(lambda: requested(2))
        recorder.answered(lambda: responded(1))
        assert _ids(spool) == [b"asked-1", b"asked-2", b"said-1"]

    _recording(tmp_path, use)
