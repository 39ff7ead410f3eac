"""Labelled texts that no head is trained on, and no threshold chosen by: what figures are quoted on.

Sources are held out whole where that is possible; docs/scores.md says where it isn't. A set with bad texts
in it has harmless ones of the pool beside them, so that each is a question of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from services.scorers.embedded import answers, harmless, harms, injections
from services.scorers.embedded.corpora import HELD_OUT_LANGUAGES, HeldOut, trained_phrase
from services.scorers.embedded.examples import JUDGEMENTS, Example, Judgement, distinct, point, sample
from services.scorers.embedded.greetings import GREETINGS

CHAT = 6_000
QUESTIONS = ("TruthfulQA", "BoolQ", "healthsearchqa", "LiveQA", "OpenBookQA")
POOLED = 600


def heldout_sets() -> Mapping[str, Sequence[Example]]:
    """Return every held-out set by its name, `<judgement>/<what>`.

    Harmless ones are there once for each judgement. Reading all takes some seconds.
    """
    good = harmless_sets()
    pool = [example for name in POOL for example in sample(good[name], POOLED, "pool")]
    sets = {f"{j}/{name}": _of(j, examples) for j in JUDGEMENTS for name, examples in good.items()}
    for judgement, bad in _bad().items():
        for name, examples in bad.items():
            beside = () if name in COMPLETE else pool
            sets[f"{judgement}/{name}"] = _of(judgement, distinct(chain(examples, beside)))
    return sets


# What harmless traffic is made of, in equal parts, where a rate over a mixture is quoted.
POOL = ("everyday-chat", "questions", "languages", "prompts")
# Sets that bring harmless texts of their own.
COMPLETE = ("bastion", "judged-answers")


def harmless_sets() -> dict[str, list[Example]]:
    """Return the harmless sets by what they are."""
    tested = [e for e in (*injections.slabs("test"), *injections.neuralchemy("test")) if not e.label]
    spoken = distinct(e for e in harmless.phrases() if not trained_phrase(e))
    asked = chain.from_iterable(sample(harmless.questions(name), 1000) for name in QUESTIONS)
    return {
        "everyday-chat": sample(distinct(harmless.chat(held_out=True)), CHAT),
        "doubtful-chat": distinct(harmless.chat(held_out=True, doubtful=True)),
        "questions": distinct(asked),
        "languages": [e for e in spoken if e.language in HELD_OUT_LANGUAGES],
        "other-languages": [e for e in spoken if e.language not in HELD_OUT_LANGUAGES],
        "prompts": distinct(tested),
        "short": [Example(text, 0, "harm", "greetings", language, "short") for language, text in GREETINGS],
        "code": distinct(e for e in harmless.code() if point(e.text, "code") >= 0.5),
        "look-alikes": distinct(injections.harmless_look_alikes()),
    }


def injection_sets() -> dict[str, list[Example]]:
    """Return the sets with injections: three sources that no training has, and the tests of the trained ones."""
    return {
        "in-the-wild": distinct(injections.in_the_wild()),
        "promptwl": distinct(injections.wordlists()),
        "bastion": distinct(injections.bastion()),
        "s-labs-test": distinct(e for e in injections.slabs("test") if e.label),
        "neuralchemy-test": distinct(e for e in injections.neuralchemy("test") if e.label),
    }


def harm_sets() -> dict[str, list[Example]]:
    """Return the sets with harm; no training has any of these sources."""
    return {
        "harmbench": distinct(harms.harmbench()),
        "strongreject": distinct(harms.strongreject()),
        "do-not-answer": distinct(harms.do_not_answer()),
        "judged-answers": distinct(answers.judged()),
    }


def held_out() -> HeldOut:
    """Return everything that no corpus may come near."""
    return HeldOut(
        harmless=tuple(distinct(chain.from_iterable(harmless_sets().values()))),
        bad={j: tuple(distinct(chain.from_iterable(sets.values()))) for j, sets in _bad().items()},
    )


def _bad() -> dict[Judgement, dict[str, list[Example]]]:
    return {"injection": injection_sets(), "harm": harm_sets()}


def _of(judgement: Judgement, examples: Iterable[Example]) -> tuple[Example, ...]:
    return tuple(replace(example, judgement=judgement) for example in examples)
