"""What `driftloop status` says of lag, trainings and rollouts."""

import io

import msgspec
from rich.console import Console

from services.clients.bus.topics import Lag
from services.embedded.status import GroupLag, Learnt, Served, Status, lag_by_group
from services.embedded.terminal import draw

LAGS = [Lag("sink", "b.v1", 1, 7), Lag("sink", "b.v1", 0, 5), Lag("drift", "a.v1", 0, 0)]


def test_lag_is_told_for_each_group_and_topic_and_by_partition() -> None:
    assert lag_by_group(LAGS) == (GroupLag("drift", "a.v1", 0, {0: 0}), GroupLag("sink", "b.v1", 12, {0: 5, 1: 7}))


def test_people_and_programs_see_the_lag_of_each_partition() -> None:
    status = Status(running=True, lag=lag_by_group(LAGS))
    drawn = io.StringIO()
    draw(status, Console(file=drawn, width=120))
    assert "0: 5  1: 7" in drawn.getvalue()
    assert msgspec.to_builtins(status)["lag"][1]["partitions"] == {0: 5, 1: 7}
    assert b'"partitions":{"0":5,"1":7}' in msgspec.json.encode(status)


def drawn(status: Status) -> list[str]:
    paper = io.StringIO()
    draw(status, Console(file=paper, width=60))
    return paper.getvalue().splitlines()


def test_people_see_how_far_a_training_is_and_why_it_stands() -> None:
    fitting = Learnt(app="desk", version="desk-v2", state="training", detail="", step=40, steps=100)
    declined = Learnt(app="desk", version="", state="declined", detail="a retraining is under way", step=0, steps=0)
    assert drawn(Status(running=True, learnt=(fitting, declined))) == [
        "last training: desk-v2 training: step 40 of 100",
        "last training: desk declined: a retraining is under way",
    ]


def test_people_see_which_version_waits_for_them_on_one_line_however_long() -> None:
    why = "passed the gate and waits for a person's approval, for 24h at most"
    held = Served(app="desk", version="desk-v2", rollout="held", reason=why, routes=())
    assert drawn(Status(running=True, served=(held,)))[-1] == f"last rollout: desk-v2 held: {why}"
