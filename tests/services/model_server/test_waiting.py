"""How jobs are bounded and batched."""

import pytest

from services.model_server.jobs import Job
from services.model_server.waiting import Limits, QueueFull, WaitingRoom, next_batch

ANSWERS = ((1,), (2,))


def job(slot: str = "", *, length: int = 4, answers: tuple[tuple[int, ...], ...] = ANSWERS) -> Job:
    return Job(slot, (0,) * length, lambda _: None, answers)


def test_a_batch_has_one_adapter_and_keeps_the_order_of_arrival() -> None:
    jobs = [job("a"), job("b"), job("a"), job("a", answers=((3,), (4,)))]
    assert next_batch(jobs, Limits()) == [jobs[0], jobs[2]]


def test_a_batch_does_not_outgrow_rows_or_tokens() -> None:
    jobs = [job(length=10) for _ in range(5)]
    assert len(next_batch(jobs, Limits(batch=3))) == 3
    assert len(next_batch(jobs, Limits(batch_tokens=25))) == 2


def test_a_row_longer_than_a_batch_goes_alone() -> None:
    jobs = [job(length=100), job(length=1)]
    assert next_batch(jobs, Limits(batch_tokens=25)) == jobs[:1]


def test_the_queue_refuses_what_it_cannot_hold() -> None:
    room = WaitingRoom(Limits(waiting=1))
    room.enter([job()])
    with pytest.raises(QueueFull):
        room.enter([job()])


def test_cancelled_jobs_are_never_handed_out() -> None:
    room = WaitingRoom(Limits())
    left, stayed = job("a"), job("b")
    room.enter([left])
    room.enter([stayed])
    left.cancelled = True
    assert room.take_choices() == [stayed]
    assert len(room) == 0


def test_choices_and_texts_are_taken_apart() -> None:
    room = WaitingRoom(Limits())
    choice, text = job(), job(answers=())
    room.enter([text])
    room.enter([choice])
    assert room.take_choices() == [choice]
    assert room.uses("")
    assert room.take_texts(lambda _: True) == [text]
    assert not room.uses("")


def test_no_text_overtakes_one_that_has_to_wait() -> None:
    room = WaitingRoom(Limits())
    texts = [job(length=length, answers=()) for length in (1, 9, 1)]
    room.enter(texts)
    assert room.take_texts(lambda text: len(text.prompt) < 5) == texts[:1]
    assert len(room) == 2


def test_the_jobs_of_a_call_are_queued_together_or_not_at_all() -> None:
    room = WaitingRoom(Limits(waiting=3))
    room.enter([job(), job()])
    with pytest.raises(QueueFull):
        room.enter([job(), job()])
    assert len(room) == 2


def test_waiting_ends_at_once_when_there_is_a_command() -> None:
    room = WaitingRoom(Limits(max_wait_s=3600))
    room.enter([job()])
    room.command(lambda: None)
    room.wait(3600)
    assert len(room.take_commands()) == 1
