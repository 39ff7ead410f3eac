"""In which order rows are stored, and from where a sink goes on: values only."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import BATCH_CONTENT_TYPE, BadElement, encode
from services.clients.bus.assignment import Assigned
from services.clients.bus.message import Message
from services.sink.blocks import Block, blocks_of
from services.sink.dead_letters import DEAD_LETTER_COLUMNS, dead_letter_headers, dead_letter_row
from services.sink.positions import starts_of, table_of, tables_of
from services.sink.rows import Poison, Row, judged
from tests.services.sink.sinks import requested

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.sampled_from([202601, 202602, 202603])), max_size=40
)


def rows_of(drawn: Sequence[tuple[str, int, int]]) -> list[Row]:
    return [
        Row(table, (table, partition), (month,), (table, partition, at))
        for at, (table, partition, month) in enumerate(drawn)
    ]


def message(topic: str = "feedback.given.v1", value: bytes | None = b"{", **headers: bytes) -> Message:
    return Message(topic, "id-1", 1, 42, b"k", value, tuple(headers.items()), NOW)


@given(drawn=ROWS)
def test_every_row_is_in_one_block_and_every_block_in_one_month_of_one_table(drawn: list[tuple[str, int, int]]) -> None:
    rows = rows_of(drawn)
    month_of = {row.values: (row.table, row.months) for row in rows}
    blocks = list(blocks_of(rows))
    assert sorted(values for block in blocks for values in block.rows) == sorted(row.values for row in rows)
    for block in blocks:
        assert {month_of[values] for values in block.rows} == {(block.table, month_of[block.rows[0]][1])}


@given(drawn=ROWS, crash_after=st.integers(0, 40))
def test_after_a_crash_between_blocks_all_up_to_the_highest_offset_of_a_source_is_stored(
    drawn: list[tuple[str, int, int]], crash_after: int
) -> None:
    rows = rows_of(drawn)
    stored = {values for block in list(blocks_of(rows))[:crash_after] for values in block.rows}
    for table, partition in {row.source for row in rows}:
        of_source = [row.values for row in rows if row.source == (table, partition)]
        count = len(stored.intersection(of_source))
        assert stored.issuperset(of_source[:count])


def test_rows_of_one_month_are_one_block_whatever_their_partitions() -> None:
    rows = rows_of([("a", 0, 202601), ("a", 1, 202601), ("a", 0, 202601)])
    assert list(blocks_of(rows)) == [Block("a", tuple(row.values for row in (rows[0], rows[2], rows[1])))]


def test_a_message_is_never_cut_even_where_its_own_events_fall_in_two_months() -> None:
    first, second = (encode(requested(name, NOW + timedelta(days=days))) for name, days in (("a", 0), ("b", -31)))
    head = ("content-type", BATCH_CONTENT_TYPE.encode())
    both = Message("inference.requested.v1", "id-1", 1, 43, None, b"[%b,%b]" % (first, second), (head,), NOW)
    one = Message("inference.requested.v1", "id-1", 1, 42, None, first, (), NOW)
    rows = [row for found in (one, both) for row in judged(found, NOW) if isinstance(row, Row)]
    assert [block.rows for block in blocks_of(rows)] == [(rows[0].values,), (rows[1].values, rows[2].values)]


def test_poison_in_an_array_is_a_letter_of_its_own_that_is_no_array_any_more() -> None:
    value = b"[%b, {}, %b]" % (encode(requested("a", NOW)), encode(requested("b", NOW)))
    batch = Message(
        "inference.requested.v1", "id-1", 1, 42, None, value, (("content-type", BATCH_CONTENT_TYPE.encode()),), NOW
    )
    first, poison, third = judged(batch, NOW)
    assert isinstance(first, Row)
    assert isinstance(third, Row)
    assert isinstance(poison, Poison)
    assert (poison.element.number, poison.element.value) == (2, b"{}")
    headers = tuple(dead_letter_headers(batch, poison.element.reason, poison.element.number))
    assert headers[0] == ("content-type", b"application/json")
    letter = Message("inference.requested.v1.dead-letter", "id-2", 0, 7, None, b"{}", headers, NOW)
    stored = dict(zip(DEAD_LETTER_COLUMNS, dead_letter_row(letter, NOW), strict=True))
    assert (stored["source_offset"], stored["source_element"]) == (42, 2)


def test_a_partition_is_read_behind_the_greater_of_rows_and_commit() -> None:
    assigned = [
        Assigned("feedback.given.v1", "id", 0, committed=5),
        Assigned("feedback.given.v1", "id", 1, committed=50),
        Assigned("feedback.given.v1", "id", 2, committed=None),
        Assigned("feedback.given.v1", "new", 0, committed=None),
    ]
    assert starts_of(assigned, {("id", 0): 9, ("id", 1): 9, ("id", 2): 0, ("old", 0): 99}) == [10, 50, 1, None]


def test_dead_letter_topics_share_one_table() -> None:
    assert table_of("feedback.given.v1") == "feedback"
    assigned = [
        Assigned(name, "id", 0, None) for name in ("feedback.given.v1.dead-letter", "alerts.changed.v1.dead-letter")
    ]
    assert tables_of(assigned) == ["dead_letters"]


def test_a_dead_letter_tells_where_it_stood_and_why() -> None:
    (verdict,) = judged(message(who=b"me"), NOW)
    assert verdict == Poison(message(who=b"me"), BadElement(0, b"{", "malformed JSON"))
    letter = Message(
        "feedback.given.v1.dead-letter", "id-2", 0, 7, b"k", b"{", tuple(dead_letter_headers(message(), "bad")), NOW
    )
    stored = dict(zip(DEAD_LETTER_COLUMNS, dead_letter_row(letter, NOW), strict=True))
    assert (stored["source_topic"], stored["source_topic_id"]) == ("feedback.given.v1", "id-1")
    assert (stored["source_partition"], stored["source_offset"], stored["reason"]) == (1, 42, "bad")
    assert (stored["topic_id"], stored["partition"], stored["offset"]) == ("id-2", 0, 7)


def test_a_stranger_in_a_dead_letter_topic_is_stored_too() -> None:
    odd = message("feedback.given.v1.dead-letter", b"\xff", dl_offset=b"-5", dl_partition=b"9" * 30)
    (row,) = judged(odd, NOW)
    assert isinstance(row, Row)
    stored = dict(zip(DEAD_LETTER_COLUMNS, row.values, strict=True))
    assert (stored["source_topic"], stored["source_offset"], stored["source_partition"]) == ("feedback.given.v1", 42, 1)


def test_an_integer_that_fits_no_column_is_poison() -> None:
    value = b'{"event_id":"w","occurred_at":"2026-01-31T12:00:00Z","app":"a","window_start":"2026-01-31T12:00:00Z",'
    value += (
        b'"window_end":"2026-01-31T12:00:05Z","source_topic":"t","source_partition":0,"first_offset":0,"counters":{},'
    )
    (verdict,) = judged(message("metrics.window-closed.v1", value + b'"last_offset":%d}' % 2**63), NOW)
    assert isinstance(verdict, Poison)
    assert verdict.element.reason == "last_offset does not fit 64 bits"
    (fine,) = judged(message("metrics.window-closed.v1", value + b'"last_offset":%d}' % (2**63 - 1)), NOW)
    assert isinstance(fine, Row)
