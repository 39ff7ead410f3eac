"""What `driftloop status` says of lag."""

import io

import msgspec
from rich.console import Console

from services.clients.bus.topics import Lag
from services.embedded.status import GroupLag, Status, lag_by_group
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
