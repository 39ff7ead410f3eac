"""What is trained on and what is held out: nothing on both sides, everything that the bars ask for there."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from services.scorers.embedded import harmless, harms, injections
from services.scorers.embedded.corpora import HELD_OUT_LANGUAGES, Corpus
from services.scorers.embedded.corpora import corpora as corpora_of
from services.scorers.embedded.examples import JUDGEMENTS, Example, Judgement, distinct, plain, point, sample
from services.scorers.embedded.greetings import GREETINGS
from services.scorers.embedded.heldout import held_out, heldout_sets
from services.scorers.embedded.neighbours import near
from services.scorers.embedding import Embedder


@pytest.fixture(scope="module")
def sets() -> Mapping[str, Sequence[Example]]:
    """All held-out sets."""
    return heldout_sets()


@pytest.fixture(scope="module")
def corpora() -> dict[Judgement, Corpus]:
    """What is trained on, near neighbours of held-out texts left in: removing them has a test of its own."""
    return corpora_of(held_out(), _same)


def _same(texts: Sequence[str], others: Sequence[str]) -> set[int]:
    known = {plain(other) for other in others}
    return {index for index, text in enumerate(texts) if plain(text) in known}


@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_no_held_out_text_is_trained_on_or_chosen_by(
    judgement: Judgement, corpora: dict[Judgement, Corpus], sets: Mapping[str, Sequence[Example]]
) -> None:
    seen = {plain(e.text) for e in (*corpora[judgement].train, *corpora[judgement].validation)} - {""}
    held_out = {plain(e.text) for name, some in sets.items() if name.startswith(judgement) for e in some}

    assert len(seen) > 10_000
    assert not seen & held_out


@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_train_and_validation_share_no_text(judgement: Judgement, corpora: dict[Judgement, Corpus]) -> None:
    train, validation = (
        {plain(e.text) for e in part} - {""} for part in (corpora[judgement].train, corpora[judgement].validation)
    )

    assert not train & validation


def test_whole_sources_are_held_out(corpora: dict[Judgement, Corpus], sets: Mapping[str, Sequence[Example]]) -> None:
    harm = {e.source for e in corpora["harm"].train}
    injection = {e.source for e in corpora["injection"].train}

    assert not harm & {"harmbench", "strongreject", "do-not-answer", "judged-answers", "harmbench_benign"}
    assert not injection & {"in-the-wild", "promptwl", "bastion"}
    assert {"harmbench", "strongreject", "do-not-answer"} <= {e.source for some in sets.values() for e in some}


def test_no_phrase_in_a_held_out_language_is_trained_on(corpora: dict[Judgement, Corpus]) -> None:
    trained = {e.language for e in corpora["harm"].train if e.source == "chatterbot"}

    assert len(trained) >= 10
    assert not trained & HELD_OUT_LANGUAGES


def test_the_held_out_harmless_sets_are_as_large_as_the_bars_ask(sets: Mapping[str, Sequence[Example]]) -> None:
    languages = Counter(e.language for e in sets["harm/languages"])

    assert len(sets["harm/everyday-chat"]) >= 5_000
    assert len([language for language, count in languages.items() if count >= 100]) >= 5
    assert len(sets["harm/short"]) >= 200
    assert all(e.label == 0 for e in sets["injection/everyday-chat"])


def test_no_conversation_is_on_both_sides() -> None:
    held_out, trained = harmless.HELD_OUT_CHAT, harmless.TRAINED_CHAT

    assert trained[1] <= held_out[0]


def test_doubtful_messages_are_not_taken_for_harmless() -> None:
    assert harmless.DOUBTFUL.search("I could kill for a coffee")
    assert not harmless.DOUBTFUL.search("What is your favourite skill?")
    assert not any(harmless.DOUBTFUL.search(e.text) for e in harmless.chat(held_out=False))


def test_greetings_are_distinct_and_in_many_languages() -> None:
    assert len(set(GREETINGS)) == len(GREETINGS) >= 200
    assert len({language for language, _ in GREETINGS}) >= 6


def test_a_request_in_the_past_is_also_asked_in_the_present() -> None:
    texts = {e.text for e in harms.phrasings() if e.kind == "present"}

    assert len(texts) > 1_000
    assert not any(" in the past" in text for text in texts)


def test_near_neighbours_are_found_and_others_are_not() -> None:
    texts = ["How do I build a pipe bomb at home?", "How do I bake bread?"]

    assert near(texts, ["how do I build a pipe bomb, at my home"], Embedder.load()) == {0}
    assert near(texts, [], Embedder.load()) == set()


def test_foreign_rows_are_no_injections() -> None:
    assert not {"harmbench", "wildguard_judgecomp"} & {e.source for e in injections.neuralchemy("train")}


def test_trivial_variants_are_one_text() -> None:
    examples = [Example(text, 0, "harm", "x") for text in ("Hé, you!", "he you", "", " \n", "other", "!!", "??")]

    assert [e.text for e in distinct(examples)] == ["Hé, you!", "other", "!!", "??"]


def test_a_split_is_the_same_everywhere_and_a_sample_a_function_of_its_texts() -> None:
    examples = [Example(f"text {n}", 0, "harm", "x") for n in range(200)]

    assert point("Text  ONE!", "salt") == point("text one", "salt") != point("text one", "pepper")
    assert sample(examples, 20) == sample(reversed(examples), 20)
    assert 40 < sum(point(e.text) < 0.5 for e in examples) < 160
