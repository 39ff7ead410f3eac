"""What each judgement of an answer teaches, and what is thrown out, held out and drawn of conversations."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import AnswerForm, App
from schemas.feedback import Answered
from schemas.inference import Message, ToolCall, ToolDeclared
from schemas.training_policy import Training
from tests.training.data.writing.builders import APP, SFT, assistant, call, curated, lessons, said, user
from training.data.dataset import manifest_of
from training.data.drawing import is_held_out
from training.data.judgements import spoken
from training.data.writing.curation import Judged, usable

DPO, KTO = (msgspec.structs.replace(SFT, method=method) for method in ("dpo", "kto"))
HALF = msgspec.structs.replace(SFT, holdout_share=0.5)


def test_a_correction_teaches_its_answer_to_sft() -> None:
    dataset = curated(call("a", said("a", correction="right"), answer="wrong"))
    assert lessons(dataset) == [("target", "right", "")]
    assert dataset.removed == {"unused_kind": 2}


def test_a_correction_teaches_dpo_that_it_is_better_and_kto_that_the_answer_was_unwanted() -> None:
    corrected = call("a", said("a", correction="right"), answer="wrong")
    assert lessons(curated(corrected, policy=DPO)) == [("pair", "right", "wrong")]
    assert lessons(curated(corrected, policy=KTO)) == [("target", "right", ""), ("unwanted", "wrong", "")]


def test_a_correction_that_changes_nothing_says_that_the_answer_was_wanted() -> None:
    assert lessons(curated(call("a", said("a", correction=" Fine  words"), answer="fine words"))) == [
        ("wanted", "fine words", "")
    ]


@pytest.mark.parametrize(
    ("score", "rating", "kinds"),
    [
        (1.0, None, ["wanted"]),
        (0.5, None, ["wanted"]),
        (0.49, None, ["unwanted"]),
        (None, 5, ["wanted"]),
        (None, 4, ["wanted"]),
        (None, 3, []),
        (None, 2, ["unwanted"]),
        (None, 1, ["unwanted"]),
        (1.0, 1, ["unwanted"]),
    ],
)
def test_ratings_and_thumbs_say_whether_an_answer_was_wanted(
    score: float | None, rating: int | None, kinds: list[str]
) -> None:
    dataset = curated(call("a", said("a", score=score, rating=rating)), policy=KTO)
    assert [example.kind for example in dataset.examples] == kinds


def test_what_a_user_did_with_an_answer_teaches_nothing_and_is_counted() -> None:
    assert curated(call("a", said("a", signal="copied"))).removed == {"says_nothing": 1}


def test_a_comparison_of_written_answers_is_a_pair() -> None:
    both = (Answered(output=assistant("good")), Answered(output=assistant("bad")))
    assert lessons(curated(call("a", said("a", comparison=both)), policy=DPO)) == [("pair", "good", "bad")]


def test_a_comparison_by_request_takes_the_other_answer_to_the_same_conversation() -> None:
    one = call("a", said("a", comparison=(Answered(request_id="b"), Answered())), prompt="same", answer="worse")
    other = call("b", prompt="same", answer="better")
    assert lessons(curated(one, policy=DPO, others=[other])) == [("pair", "better", "worse")]


def test_a_comparison_with_an_answer_to_another_question_or_an_unknown_one_is_counted_out() -> None:
    one = call("a", said("a", comparison=(Answered(request_id="b"), Answered())), prompt="this")
    two = call("c", said("c", comparison=(Answered(request_id="gone"), Answered())), prompt="that")
    dataset = curated(one, two, policy=DPO, others=[call("b", prompt="else")])
    assert (lessons(dataset), dataset.removed) == ([], {"answer_unknown": 2})


def test_the_weight_is_the_trust_in_who_judged() -> None:
    app = App(name="desk", base_model="tiny", trust={"review": 0.8})
    dataset = curated(
        call("a", said("a", score=1.0, source="annotator"), prompt="one"),
        call("b", said("b", score=1.0, source="review"), prompt="two"),
        call("c", said("c", score=1.0), prompt="three"),
        app=app,
    )
    assert {e.request_id: e.weight for e in dataset.examples} == {"a": 1.0, "b": 0.8, "c": 0.5}


def test_what_was_superseded_is_counted_and_what_stands_is_learnt_from() -> None:
    call_ = msgspec.structs.replace(call("a", said("a", by="ada", score=0.0, minutes=3)), superseded=1)
    dataset = curated(call_, policy=KTO)
    assert [e.kind for e in dataset.examples] == ["unwanted"]
    assert dataset.removed == {"superseded": 1}


def test_what_is_said_comes_in_the_order_of_kinds_and_people() -> None:
    both = [said("a", by="bob", score=1.0, rating=2), said("a", by="ada", score=0.0)]
    assert [(kind, given.user_id) for kind, given in spoken(both)] == [
        ("rating", "bob"),
        ("score", "ada"),
        ("score", "bob"),
    ]


def test_an_answer_that_people_disagree_about_equally_is_learnt_from_neither_way() -> None:
    dataset = curated(call("a", said("a", by="ada", score=1.0), said("a", by="bob", score=0.0)), policy=KTO)
    assert (lessons(dataset), dataset.removed) == ([], {"conflicting_judgements": 2})


def test_the_side_with_twice_the_trust_prevails() -> None:
    divided = call("a", said("a", by="ada", score=1.0), said("a", by="eve", source="annotator", score=0.0))
    dataset = curated(divided, policy=KTO)
    assert [e.kind for e in dataset.examples] == ["unwanted"]
    assert dataset.removed == {"outvoted": 1}


def test_half_as_much_trust_again_is_not_clear_enough() -> None:
    app = App(name="desk", base_model="tiny", trust={"review": 0.75})
    divided = call("a", said("a", by="ada", score=1.0), said("a", by="eve", source="review", score=0.0))
    assert curated(divided, app=app, policy=KTO).removed == {"conflicting_judgements": 2}


def test_one_person_does_not_outvote_another_by_saying_it_of_many_calls_with_one_answer() -> None:
    calls = [call(f"a{at}", said(f"a{at}", by="eve", score=0.0), prompt="same") for at in range(5)]
    dataset = curated(*calls, call("b", said("b", by="ada", score=1.0), prompt="same"), policy=KTO)
    assert (lessons(dataset), dataset.removed) == ([], {"conflicting_judgements": 6})


def test_a_correction_by_someone_less_trusted_does_not_make_a_wanted_answer_the_worse_one() -> None:
    disputed = call(
        "a", said("a", by="eve", correction="other"), said("a", by="ann", source="annotator", score=1.0), answer="good"
    )
    assert lessons(curated(disputed, policy=DPO)) == []
    assert ("wanted", "good", "") in lessons(curated(disputed, policy=KTO))


def test_of_two_corrections_the_more_trusted_is_the_target_and_of_equals_the_later() -> None:
    ann = said("a", by="ann", source="annotator", correction="trusted", minutes=2)
    bob = said("a", by="bob", correction="later", minutes=3)
    eve = said("a", by="eve", correction="last", minutes=4)
    assert lessons(curated(call("a", ann, bob, eve))) == [("target", "trusted", "")]
    assert lessons(curated(call("a", bob, eve))) == [("target", "last", "")]


def test_opposite_comparisons_of_equal_trust_cancel_out() -> None:
    good, bad = Answered(output=assistant("x")), Answered(output=assistant("y"))
    both = call("a", said("a", by="ada", comparison=(good, bad)), said("a", by="bob", comparison=(bad, good)))
    assert curated(both, policy=DPO).removed == {"conflicting_judgements": 2}


def test_an_answer_that_was_cut_short_is_never_wanted_but_may_be_unwanted() -> None:
    assert curated(call("a", said("a", score=1.0), finish="length")).removed == {"cut_short": 1}
    assert len(curated(call("a", said("a", score=0.0), finish="length"), policy=KTO).examples) == 1


def test_what_is_empty_or_too_long_is_counted_out() -> None:
    dataset = curated(
        call("a", said("a", score=1.0), prompt="  "),
        call("b", said("b", score=1.0), answer=None),
        call("c", said("c", correction="  ")),
        call("d", said("d", score=1.0), answer="long " * 400),
    )
    assert (lessons(dataset), dataset.removed) == ([], {"empty": 1, "no_answer": 2, "too_long": 1})


def test_an_app_that_extracts_learns_no_answer_that_is_not_json_or_breaks_the_schema() -> None:
    app = App(
        name="desk",
        base_model="tiny",
        task="extract",
        answers=AnswerForm(schema={"type": "object", "required": ["kind"]}),
    )
    dataset = curated(
        call("a", said("a", correction='{"kind": 1}'), prompt="one"),
        call("b", said("b", correction="{}"), prompt="two"),
        call("c", said("c", score=1.0), answer="no json", prompt="three"),
        app=app,
        policy=KTO,
    )
    assert [(e.request_id, e.kind) for e in sorted(dataset.examples, key=lambda e: (e.request_id, e.kind))] == [
        ("a", "target"),
        ("a", "unwanted"),
        ("b", "unwanted"),
    ]
    assert dataset.removed["bad_form"] == 3


def test_tool_calls_are_learnt_where_their_arguments_keep_to_the_declared_schema() -> None:
    app = App(name="desk", base_model="tiny", task="call-tools")
    tools = (ToolDeclared(name="find", schema='{"type": "object", "required": ["city"]}'),)
    right, wrong = (
        assistant("", ToolCall(id="1", name="find", arguments=json))
        for json in ('{"city": "Rome"}', '{"town": "Rome"}')
    )
    dataset = curated(
        call("a", said("a", correction=right), prompt="one", tools=tools),
        call("b", said("b", correction=wrong), prompt="two", tools=tools),
        app=app,
    )
    assert [(e.request_id, e.answer, e.tools) for e in dataset.examples] == [("a", right, tools)]
    assert dataset.removed["bad_form"] == 2


def test_an_answer_that_nobody_judged_is_wanted_with_little_trust() -> None:
    (example,) = curated(call("a")).examples
    assert (example.kind, example.weight) == ("wanted", 0.1)


def test_a_conversation_keeps_its_system_prompt_turns_and_tool_results() -> None:
    before = (
        Message(role="system", content="be brief"),
        user("weather?"),
        assistant("", ToolCall(id="1", name="find", arguments="{}")),
        Message(role="tool", content="rain", tool_call_id="1"),
    )
    (example,) = curated(call("a", said("a", correction="rain it is"), before=before, prompt="so?")).examples
    assert example.messages == (*before, user("so?"))
    assert example.prompt == "so?"


def test_personal_data_is_masked_in_messages_answers_and_arguments_and_json_stays_json() -> None:
    mail = "jane@example.com"
    tool = assistant("", ToolCall(id="1", name="send", arguments=f'{{"to": "{mail}", "n": 1}}'))
    dataset = curated(
        call("a", said("a", correction=f"write to {mail}"), before=(tool,), prompt=f"I am {mail}", answer=f"no {mail}"),
        policy=DPO,
    )
    assert dataset.masked == 4
    assert "jane" not in str(dataset.examples)
    assert dataset.examples[0].messages[0].tool_calls[0].arguments == '{"to": "<EMAIL_ADDRESS>", "n": 1}'


def test_a_single_turn_is_held_out_like_a_classifiers_prompt() -> None:
    prompts = [f"question number {at}" for at in range(200)]
    dataset = curated(
        *(call(f"r{at}", said(f"r{at}", score=1.0), prompt=p) for at, p in enumerate(prompts)), policy=HALF
    )
    assert {e.prompt for e in dataset.of("holdout")} == {p for p in prompts if is_held_out(p, 0.5)}


@pytest.mark.parametrize("policy", [SFT, DPO, KTO])
def test_of_a_held_out_conversation_an_unwanted_answer_is_kept_where_nothing_better_is_known(policy: Training) -> None:
    prompt = next(f"prompt {at}" for at in range(99) if is_held_out(f"prompt {at}", 0.5))
    half = msgspec.structs.replace(policy, holdout_share=0.5)
    (example,) = curated(call("a", said("a", score=0.0), prompt=prompt), policy=half).examples
    assert (example.kind, example.split) == ("unwanted", "holdout")
    (example,) = curated(call("a", said("a", score=0.0, correction="right"), prompt=prompt), policy=half).examples
    assert example.kind == "target"


def test_what_goes_on_from_a_held_out_conversation_is_not_trained_on() -> None:
    opening = next(f"opening {at}" for at in range(99) if is_held_out(f"opening {at}", 0.5))
    grown = next(f"more {at}" for at in range(99) if not is_held_out(f"{opening}\nmore {at}", 0.5))
    begun = call("a", said("a", score=1.0), prompt=opening)
    longer = call("b", said("b", score=1.0), before=(user(opening), assistant("an answer")), prompt=grown)
    dataset = curated(begun, longer, policy=HALF)
    assert [(e.request_id, e.split) for e in dataset.examples] == [("a", "holdout")]
    assert dataset.removed == {"near_held_out": 1}
    assert [e.request_id for e in curated(longer, policy=HALF).examples] == ["b"]


def test_a_held_out_conversation_stands_once_with_its_best_known_answer_whatever_the_method() -> None:
    prompt = next(f"prompt {at}" for at in range(99) if is_held_out(f"prompt {at}", 0.5))
    for method in ("sft", "dpo", "kto"):
        policy = msgspec.structs.replace(HALF, method=method)
        dataset = curated(call("a", said("a", correction="right"), prompt=prompt), policy=policy)
        assert lessons(dataset) == [("target", "right", "")]
        assert dataset.removed == {"held_out_beside": 2}


def test_conversations_that_say_the_same_in_other_words_are_learnt_from_once() -> None:
    calls = [call(f"r{at}", said(f"r{at}", score=1.0), prompt=f"twin 1 in words {at}") for at in range(5)]
    dataset = curated(*calls)
    assert (len(dataset.examples), dataset.removed) == (1, {"near_duplicate": 4})


def test_a_draw_is_even_over_kinds_and_slices() -> None:
    liked = [call(f"l{at}", said(f"l{at}", score=1.0), prompt=f"liked {at}") for at in range(60)]
    disliked = [call(f"d{at}", said(f"d{at}", score=0.0), prompt=f"disliked {at}") for at in range(12)]
    dataset = curated(*liked, *disliked, policy=msgspec.structs.replace(KTO, max_rows=20, replay_share=0.0))
    assert sum(e.kind == "unwanted" for e in dataset.examples) == 10


def test_earlier_calls_fill_their_share_and_no_more() -> None:
    recent = [call(f"n{at}", said(f"n{at}", score=1.0), prompt=f"new {at}") for at in range(40)]
    early = [call(f"o{at}", said(f"o{at}", score=1.0), prompt=f"old {at}", minutes=-5) for at in range(90)]
    dataset = curated(*recent, *early, policy=msgspec.structs.replace(SFT, max_rows=60))
    assert sum(not e.recent for e in dataset.examples) == 30


@given(st.permutations(range(12)))
def test_the_same_calls_give_the_same_dataset_in_whatever_order(order: list[int]) -> None:
    calls = [
        call(f"r{at}", said(f"r{at}", by=f"p{at % 3}", score=float(at % 2), rating=1 + at % 5), prompt=f"p {at // 2}")
        for at in range(12)
    ]
    assert curated(*(calls[at] for at in order), policy=KTO) == curated(*calls, policy=KTO)


@pytest.mark.parametrize("policy", [SFT, DPO, KTO], ids=["sft", "dpo", "kto"])
def test_everything_said_is_either_learnt_or_counted(policy: Training) -> None:
    calls = [
        call(
            f"r{at}",
            said(f"r{at}", by=f"p{at % 7}", rating=1 + at % 5),
            said(f"r{at}", by="x", correction=f"c{at % 4}"),
        )
        for at in range(60)
    ]
    dataset = curated(*calls, policy=msgspec.structs.replace(policy, holdout_share=0.3, max_rows=20))
    assert len(dataset.examples) + sum(dataset.removed.values()) == 60 + 60 * 3


def test_enough_is_counted_by_what_a_method_can_use() -> None:
    calls = [call(f"r{at}", said(f"r{at}", score=0.0), prompt=f"p{at}") for at in range(9)]
    assert usable(Judged(calls, {}), APP, SFT) == 0
    assert usable(Judged(calls, {}), APP, KTO) == 9


def test_the_manifest_names_kinds_and_has_no_text() -> None:
    manifest = manifest_of(curated(call("a", said("a", correction="secret words"), prompt="my words")))
    assert [row.kind for row in manifest.rows] == ["target"]
    assert "words" not in str(manifest)
