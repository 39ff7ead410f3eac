"""What a letter says, and which letters wait: values only."""

from datetime import UTC, datetime

from schemas.codec import BATCH_CONTENT_TYPE
from services.clients.bus.message import Message
from services.parts.letter import REPLAYED_FROM, Letter, letter_of, pending, replay_headers
from services.sink.dead_letters import dead_letter_headers

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def refused(offset: int, *, element: int = 0, headers: tuple[tuple[str, bytes], ...] = ()) -> Message:
    """Return the letter that the sink writes about a message at this offset."""
    original = Message("feedback.given.v1", "id-1", 1, offset, b"k", b"{", headers, NOW)
    written = tuple(dead_letter_headers(original, "malformed JSON", element))
    return Message("feedback.given.v1.dead-letter", "id-2", 0, offset, b"k", b"{", written, NOW)


def letter(offset: int, *, replayed_from: str = "") -> Letter:
    headers = ((REPLAYED_FROM, replayed_from.encode()),) if replayed_from else ()
    return letter_of(refused(offset, headers=headers))


def test_a_letter_is_named_by_where_the_message_stood() -> None:
    assert letter(42) == Letter("feedback.given.v1/1/42", "feedback.given.v1", "id-1", "malformed JSON", 1, NOW, "")
    assert letter_of(refused(42, element=3)).id == "feedback.given.v1/1/42/3"


def test_a_strangers_letter_is_named_by_where_it_stands_itself() -> None:
    stranger = Message("feedback.given.v1.dead-letter", "id-2", 0, 7, None, None, (), NOW)
    found = letter_of(stranger)
    assert (found.id, found.topic) == ("feedback.given.v1.dead-letter/0/7", "feedback.given.v1")


def test_a_replay_has_the_original_headers_and_says_which_letter_it_was() -> None:
    own = (("who", b"me"), ("content-type", b"application/json"))
    assert replay_headers(refused(42, headers=own)) == [*own, (REPLAYED_FROM, b"feedback.given.v1/1/42")]


def test_a_replay_of_a_replay_names_the_letter_before_it_only() -> None:
    again = refused(50, headers=((REPLAYED_FROM, b"feedback.given.v1/1/42"),))
    assert replay_headers(again) == [(REPLAYED_FROM, b"feedback.given.v1/1/50")]


def test_an_element_of_a_batch_is_sent_again_alone() -> None:
    batch = refused(42, element=3, headers=(("content-type", BATCH_CONTENT_TYPE.encode()),))
    assert replay_headers(batch)[0] == ("content-type", b"application/json")


def test_a_letter_waits_until_it_was_replayed() -> None:
    assert pending([letter(1), letter(2)], {letter(1).key}) == [letter(2)]


def test_two_letters_about_one_message_are_one() -> None:
    assert pending([letter(1), letter(1)], set()) == [letter(1)]


def test_a_letter_whose_replay_was_refused_gives_way_to_the_new_one() -> None:
    second = letter(9, replayed_from=letter(1).id)
    assert pending([letter(1), second], set()) == [second]
