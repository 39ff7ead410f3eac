"""Many events in few messages: nothing is lost, keys keep their partition and their order."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner

from schemas.codec import is_batch, split
from services.clients.bus.partitioning import partition_of
from services.parts.spool.entries import Entry
from services.parts.spool.packing import MAX_ARRAY_BYTES, Parcel, packed

RESPONDED, SCORES = "inference.responded.v1", "scores.recorded.v2"
entries = st.lists(
    st.builds(
        lambda topic, key, month, size, number: Entry(
            topic, key.encode(), b'{"n":%d,"pad":"%s"}' % (number, b"x" * size), (("ce_time", b"2026-%02d-01" % month),)
        ),
        st.sampled_from([RESPONDED, "feedback.given.v1", SCORES]), st.sampled_from("abcdef"),
        st.sampled_from([1, 1, 1, 2]), st.sampled_from([0, 10, 100_000, 300_000]), st.integers(0, 999),
    ), max_size=30,
)  # fmt: skip


def by_key(topic: str, key: bytes) -> int:
    return partition_of(key, [0, 1, 2])


def values_of(parcel: Parcel) -> list[bytes]:
    return split(parcel.value) if is_batch(parcel.topic, parcel.headers) else [parcel.value]


@settings(deadline=None)
@given(some=entries)
def test_each_partition_gets_its_entries_once_and_in_order(some: list[Entry]) -> None:
    expected: dict[tuple[str, int], list[bytes]] = defaultdict(list)
    found: dict[tuple[str, int], list[bytes]] = defaultdict(list)
    for entry in some:
        expected[entry.topic, by_key(entry.topic, entry.key)].append(entry.value)
    for parcel in packed(some, by_key):
        partition = by_key(parcel.topic, parcel.key or b"") if parcel.partition is None else parcel.partition
        assert parcel.key is None or partition == by_key(parcel.topic, parcel.key)
        found[parcel.topic, partition] += values_of(parcel)
    assert found == expected


@settings(deadline=None)
@given(some=entries)
def test_an_array_is_bounded_and_holds_several_inbound_events(some: list[Entry]) -> None:
    for parcel in packed(some, by_key):
        if parcel.key is None:
            values = values_of(parcel)
            assert len(values) > 1
            assert len(parcel.value) <= MAX_ARRAY_BYTES
            assert parcel.topic != SCORES


def test_events_of_two_months_do_not_share_a_message() -> None:
    january, february = (Entry(RESPONDED, b"k", b"{}", (("ce_time", at),)) for at in (b"2026-01-31", b"2026-02-01"))
    sizes = [len(values_of(parcel)) for parcel in packed([january, january, february, february], by_key)]
    assert sizes == [2, 2]


def test_an_entry_alone_stays_as_it_was() -> None:
    alone = Entry(RESPONDED, b"k", b"{}", (("ce_id", b"1"),))
    assert packed([alone], by_key) == [Parcel(RESPONDED, b"{}", b"k", alone.headers, by_key(RESPONDED, b"k"))]


class _Cluster:
    """What the partitioner of kafka-python asks of its metadata."""

    def topics(self) -> set[str]:
        return {RESPONDED}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(7))

    available_partitions_for_topic = partitions_for_topic


@pytest.mark.parametrize("key", [b"a", b"21", b"foobar", b"chatcmpl-7f3a9c2e51", bytes(range(256))])
def test_the_partition_is_the_one_that_the_client_would_choose(key: bytes) -> None:
    chosen = DefaultPartitioner().partition(RESPONDED, key, key, b"", b"", _Cluster())
    assert partition_of(key, list(range(7))) == chosen
