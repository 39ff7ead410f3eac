"""How jobs are bounded and batched."""

import pytest

from services.model_server.jobs import Job
from services.model_server.waiting import Limits, QueueFull, WaitingRoom, next_batch

ANSWERS = ((1,), (2,))


def job(slot: str = "", *, length: int = 4, answers: tuple[tuple[int, ...], ...] = ANSWERS) -> Job:
    return Job(slot, (0,) * length, lambda _: None, answers)


def test_a_batch_has_one_adapter_and_keeps_the_order_of_arrival() -> None:
    jobs = [job("a"), job("b"), job("a"), job("a", answers=((3,), (4,)))]
    assert next_batch(jobs, Limits(), at_most=8) == [jobs[0], jobs[2]]


def test_a_batch_does_not_outgrow_rows_or_tokens() -> None:
    jobs = [job(length=10) for _ in range(5)]
    assert len(next_batch(jobs, Limits(), at_most=3)) == 3
    assert len(next_batch(jobs, Limits(batch_tokens=25), at_most=8)) == 2


def test_a_row_longer_than_a_batch_goes_alone() -> None:
    jobs = [job(length=100), job(length=1)]
    assert next_batch(jobs, Limits(batch_tokens=25), at_most=8) == jobs[:1]


def test_no_batch_is_made_where_there_is_no_room() -> None:
    assert next_batch([job()], Limits(), at_most=0) == []


def test_the_queue_refuses_what_it_cannot_hold() -> None:
    room = WaitingRoom(Limits(waiting=1))
    room.enter(job())
    with pytest.raises(QueueFull):
        room.enter(job())


def test_cancelled_jobs_are_never_handed_out() -> None:
    room = WaitingRoom(Limits())
    left, stayed = job("a"), job("b")
    room.enter(left)
    room.enter(stayed)
    left.cancelled = True
    assert room.take(choosing=True, at_most=8) == [stayed]
    assert len(room) == 0


def test_choices_and_texts_are_taken_apart() -> None:
    room = WaitingRoom(Limits())
    choice, text = job(), job(answers=())
    room.enter(text)
    room.enter(choice)
    assert room.take(choosing=True, at_most=8) == [choice]
    assert room.uses("")
    assert room.take(choosing=False, at_most=8) == [text]
    assert not room.uses("")


def test_waiting_ends_at_once_when_there_is_a_command() -> None:
    room = WaitingRoom(Limits(max_wait_s=3600))
    room.enter(job())
    room.command(lambda: None)
    room.wait(3600)
    assert len(room.take_commands()) == 1
