"""What the sink asks the tables when it is given partitions."""

from services.clients.bus.assignment import Assigned
from services.sink.positions import asked_of, starts_of

REQUESTED, RESPONDED = "inference.requested.v1", "inference.responded.v1"


def test_a_table_is_asked_from_the_least_commit_of_its_own_partitions_on() -> None:
    held = [Assigned(REQUESTED, "a", 0, 70), Assigned(REQUESTED, "a", 1, 50), Assigned(RESPONDED, "b", 0, 3)]
    assert asked_of("requests", held) == {"topic_ids": ["a"], "since": 50}
    assert asked_of("responses", held) == {"topic_ids": ["b"], "since": 3}


def test_a_partition_without_a_commit_has_the_whole_table_asked() -> None:
    held = [Assigned(REQUESTED, "a", 0, 70), Assigned(REQUESTED, "a", 1, None)]
    assert asked_of("requests", held)["since"] == 0


def test_reading_begins_behind_what_is_stored_or_committed_whichever_is_further() -> None:
    held = [Assigned(REQUESTED, "a", 0, 70), Assigned(REQUESTED, "a", 1, 50), Assigned(REQUESTED, "a", 2, None)]
    assert starts_of(held, {("a", 0): 75}) == [76, 50, None]
