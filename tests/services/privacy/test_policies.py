"""Each policy on each kind of event: what is kept of its texts, what it says of itself, and what is left alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.codec import decode, encode
from schemas.configuration import App, Privacy
from schemas.feedback import Answered, Comparison, FeedbackGiven
from schemas.inference import Choice, ContentPart, Context, InferenceRequested, InferenceResponded, Message, ToolCall
from schemas.privacy import Policy, Private
from schemas.topics import topic_of
from services.privacy.policies import Policies

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MAIL = "jane.doe@example.com"
PARTS = (
    ContentPart(type="text", text=f"I am {MAIL}"),
    ContentPart(type="image_url", reference=f"https://x.example/?u={MAIL}"),
)
CALL = (ToolCall(id="t1", name="send", arguments=f'{{"to": "{MAIL}"}}'),)


def policies(tmp_path: Path, policy: Policy, *, kinds: tuple[str, ...] = (), labels: tuple[str, ...] = ()) -> Policies:
    return Policies(
        [App(name="bot", base_model="b", labels=labels, privacy=Privacy(policy=policy, kinds=kinds))], tmp_path
    )


def responded(**fields: object) -> InferenceResponded:
    told: dict[str, object] = {
        "event_id": "e1",
        "occurred_at": NOW,
        "app": "bot",
        "tenant": "acme",
        "request_id": "r1",
        "user_id": MAIL,
        "session_id": MAIL,
        "messages": (Message(role="system", content=f"serve {MAIL}"), Message(role="user", content=PARTS)),
        "tags": {"owner": MAIL, "slice": "a"},
        "contexts": (Context(text=f"file of {MAIL}", source=f"/home/{MAIL}/a.txt"),),
        "output": Message(role="assistant", content=f"Hello {MAIL}", tool_calls=CALL),
        "reasoning": f"{MAIL} asks",
        "choices": (Choice(output=Message(role="assistant", content=MAIL), reasoning=MAIL),),
        "error_message": f"no such user {MAIL}",
        **fields,
    }
    return InferenceResponded(**told)  # type: ignore[arg-type]  # a builder's fields


def feedback(**fields: object) -> FeedbackGiven:
    told = {"event_id": "f1", "occurred_at": NOW, "app": "bot", "request_id": "r1", "label": MAIL, **fields}
    return FeedbackGiven(**told)  # type: ignore[arg-type]  # a builder's fields


@pytest.mark.parametrize("policy", ["mask", "hash", "drop-text"])
def test_no_text_of_an_event_keeps_a_value_but_users_and_sessions_are_left_as_they_are(
    tmp_path: Path, policy: Policy
) -> None:
    kept = policies(tmp_path, policy).applied(responded())

    assert (kept.user_id, kept.session_id) == (MAIL, MAIL)
    assert encode(kept).decode().count(MAIL) == 2
    told = policies(tmp_path, policy).applied(feedback(comment=f"ask {MAIL}", source=MAIL))
    assert MAIL not in encode(told).decode()
    assert decode(topic_of(kept).name, encode(kept), NOW) == kept


def test_off_leaves_an_event_as_it_is_and_says_nothing_of_it(tmp_path: Path) -> None:
    told = responded(private=Private(policy="mask", prompt={"CARD": 1}))

    assert policies(tmp_path, "off").applied(told) == responded()


def test_mask_puts_the_kind_in_the_values_place_and_counts_by_side(tmp_path: Path) -> None:
    kept = policies(tmp_path, "mask").applied(responded())

    assert kept.prompt == "I am [EMAIL]"
    assert kept.answer == "Hello [EMAIL]"
    assert kept.output is not None
    assert kept.output.tool_calls[0].arguments == '{"to": "[EMAIL]"}'
    assert kept.private is not None
    assert (kept.private.policy, kept.private.prompt, kept.private.answer) == ("mask", {"EMAIL": 1}, {"EMAIL": 1})
    assert kept.private.counts == {"EMAIL": 12}


def test_a_senders_own_word_for_what_is_private_does_not_count(tmp_path: Path) -> None:
    clean = feedback(label="safe", private=Private(policy="off", elsewhere={"CARD": 9}))

    assert policies(tmp_path, "mask").applied(clean).private == Private(policy="mask")


def test_hash_gives_one_value_of_a_tenant_one_pseudonym_however_it_is_written(tmp_path: Path) -> None:
    kept = policies(tmp_path, "hash")
    card = responded(messages=(Message(role="user", content="4111 1111 1111 1111 or 4111-1111-1111-1111"),))
    first, _, second = kept.applied(card).prompt.split(" ")
    other = kept.applied(responded(tenant="globex", messages=card.messages)).prompt.split(" ")[0]

    assert first == second
    assert first.startswith("[CARD:1.")
    assert other.startswith("[CARD:1.")
    assert other != first


def test_drop_text_keeps_counts_lengths_tags_and_answers_that_are_labels(tmp_path: Path) -> None:
    kept = policies(tmp_path, "drop-text", labels=("safe", "unsafe"))
    event = kept.applied(responded(output=Message(role="assistant", content="unsafe")))

    assert (event.prompt, event.answer, event.reasoning, event.error_message) == ("", "unsafe", "", "")
    assert event.tags == {"owner": "[EMAIL]", "slice": "a"}
    assert event.private is not None
    assert event.private.prompt == {"EMAIL": 1}
    assert (event.private.prompt_characters, event.private.answer_characters) == (len(f"I am {MAIL}"), 6)
    assert [kept.applied(feedback(label=label)).label for label in ("safe", "free words")] == ["safe", ""]


def test_a_number_that_an_answer_repeats_without_its_name_is_masked_too(tmp_path: Path) -> None:
    asked = (Message(role="user", content="my ssn is 536904399"),)
    event = responded(messages=asked, output=Message(role="assistant", content="I noted 536904399, not X536904399."))

    assert policies(tmp_path, "mask").applied(event).answer == "I noted [US_SSN], not X536904399."


def test_only_the_kinds_of_the_app_are_masked(tmp_path: Path) -> None:
    event = responded(messages=(Message(role="user", content=f"{MAIL} 4111 1111 1111 1111"),))

    assert policies(tmp_path, "mask", kinds=("CARD",)).applied(event).prompt == f"{MAIL} [CARD]"


def test_an_app_that_says_nothing_is_masked(tmp_path: Path) -> None:
    assert Policies([App(name="bot", base_model="b")], tmp_path).applied(responded()).answer == "Hello [EMAIL]"
    assert Policies([], tmp_path).applied(responded()).answer == "Hello [EMAIL]"


def test_marks_do_not_lengthen_a_field_past_its_bound(tmp_path: Path) -> None:
    kept = policies(tmp_path, "hash").applied(feedback(comment="a@b.cd " * 1100, label="a@b.cd " * 500))

    assert decode(topic_of(kept).name, encode(kept), NOW) == kept


def test_a_request_has_the_same_marks_as_its_response(tmp_path: Path) -> None:
    event = responded()
    asked = InferenceRequested(
        event_id="q1", occurred_at=NOW, app="bot", request_id="r1", messages=event.messages, tags=event.tags
    )
    kept = policies(tmp_path, "mask")

    assert kept.applied(asked).messages == kept.applied(event).messages


def test_a_picture_in_a_message_is_not_read_as_text(tmp_path: Path) -> None:
    picture = ContentPart(type="image_url", reference="data:image/png;base64,4111111111111111")
    event = responded(messages=(Message(role="user", content=(picture,)),))

    (message,) = policies(tmp_path, "mask").applied(event).messages
    assert message.content == (picture,)


def test_masking_twice_changes_nothing_more(tmp_path: Path) -> None:
    for policy in ("mask", "hash"):
        kept = policies(tmp_path, "mask" if policy == "mask" else "hash")
        once = kept.applied(responded())
        assert encode(kept.applied(once)).split(b'"private"')[0] == encode(once).split(b'"private"')[0]


SAID = Message(role="assistant", content=PARTS, tool_calls=CALL)
EVERY = {
    "label": None,
    "correction": SAID,
    "comparison": Comparison(preferred=Answered(output=SAID), rejected=Answered(request_id="r2")),
    "comment": f"ask {MAIL}",
}


@pytest.mark.parametrize("policy", ["mask", "hash", "drop-text"])
def test_no_text_of_feedback_keeps_a_value_and_ids_are_left_as_they_are(tmp_path: Path, policy: Policy) -> None:
    kept = policies(tmp_path, policy).applied(feedback(**EVERY))

    assert MAIL not in encode(kept).decode()
    assert kept.comparison is not None
    assert kept.comparison.rejected == Answered(request_id="r2")
    assert kept.kinds == ("correction", "comparison")
    assert decode(topic_of(kept).name, encode(kept), NOW) == kept


def test_a_correction_keeps_its_form_and_says_what_was_found(tmp_path: Path) -> None:
    kept = policies(tmp_path, "mask").applied(feedback(**EVERY))

    assert kept.correction is not None
    assert kept.correction.text == "I am [EMAIL]"
    assert kept.correction.tool_calls[0].arguments == '{"to": "[EMAIL]"}'
    assert kept.private is not None
    assert kept.private.elsewhere == {"EMAIL": 7}


@pytest.mark.parametrize("policy", ["mask", "drop-text"])
def test_two_texts_that_are_alike_once_they_are_masked_are_still_a_comparison(tmp_path: Path, policy: Policy) -> None:
    one, other = (Answered(output=Message(role="assistant", content=name)) for name in (MAIL, "joe@example.com"))
    event = feedback(label=None, comparison=Comparison(preferred=one, rejected=other))

    kept = policies(tmp_path, policy).applied(event)
    assert kept.comparison is not None
    assert kept.comparison.preferred == kept.comparison.rejected
    assert decode(topic_of(kept).name, encode(kept), NOW) == kept
