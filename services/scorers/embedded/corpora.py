"""What the heads are trained on and choose their thresholds by, without anything that is held out.

Whole sources are held out (services.scorers.embedded.heldout), not rows of trained ones, wherever there is
more than one source of a kind. Texts of other sources that lie close to a held-out one are left out here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from services.scorers.embedded import answers, harmless, harms, injections
from services.scorers.embedded.examples import Example, Judgement, distinct, plain, point, sample

VALIDATION_SHARE = 0.25
# Spoken in chatterbot-corpus and in no training, so that false alarms in a language not met can be measured. A language
# that has injections in the training must have harmless texts there too, or speaking it is what is learnt.
HELD_OUT_LANGUAGES = frozenset(("id", "ja", "ko", "nl", "tr"))
QUESTIONS = ("NQ-open", "PIQA", "SIQA", "ASDiv", "Fiqa", "MedicationQA", "CommonsenseQA")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Two parts that share no text.

    Attributes:
        train: What coefficients are fitted on.
        validation: What calibration and thresholds are chosen by; the same sources, other texts.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]


Near = Callable[[Sequence[str], Sequence[str]], set[int]]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What is kept for judging.

    Attributes:
        harmless: For every judgement.
        bad: By judgement.
    """

    harmless: tuple[Example, ...]
    bad: Mapping[Judgement, tuple[Example, ...]]


def corpora(held_out: HeldOut, near: Near) -> dict[Judgement, Corpus]:
    """Return the corpus of each judgement. The harmless part is the same in all.

    Args:
        held_out: What no corpus may come near, by label and judgement.
        near: Tells which texts (by index) are close to one of some others.
    """
    good = _far(harmless_examples(), held_out.harmless, near)
    made: dict[Judgement, Corpus] = {}
    for judgement, bad in _bad().items():
        far = _far(bad, held_out.bad[judgement], near)
        known = {plain(example.text) for example in (*held_out.harmless, *held_out.bad[judgement])}
        kept = distinct(chain(far, (replace(example, judgement=judgement) for example in good)), known)
        made[judgement] = Corpus(
            train=tuple(e for e in kept if point(e.text, "validation") >= VALIDATION_SHARE),
            validation=tuple(e for e in kept if point(e.text, "validation") < VALIDATION_SHARE),
        )
    return made


def _far(examples: Iterable[Example], held_out: Sequence[Example], near: Near) -> list[Example]:
    """Return the distinct examples that aren't near a held-out one."""
    apart = distinct(examples)
    close = near([example.text for example in apart], [example.text for example in held_out])
    return [example for index, example in enumerate(apart) if index not in close]


def _bad() -> dict[Judgement, Iterator[Example]]:
    return {"injection": injection_examples(), "harm": harm_examples()}


def injection_examples() -> Iterator[Example]:
    """Yield what is labelled as an injection in the trained sources."""
    yield from sample((e for s in ("train", "validation") for e in injections.slabs(s) if e.label), 4000)
    yield from (e for s in ("train", "validation") for e in injections.neuralchemy(s) if e.label)
    yield from injections.yanismiraoui()
    yield from sample(injections.templates(), 250)


def harm_examples() -> Iterator[Example]:
    """Yield requests for harm, and answers that do harm, of the trained sources."""
    yield from chain(harms.advbench(), harms.many_shot(), harms.red_team())
    yield from sample(harms.phrasings(), 1600)
    yield from answers.harmful()


def harmless_examples() -> Iterator[Example]:
    """Yield what is neither, of the trained sources."""
    yield from sample((e for s in ("train", "validation") for e in injections.slabs(s) if not e.label), 3500)
    yield from (e for s in ("train", "validation") for e in injections.neuralchemy(s) if not e.label)
    yield from sample(harmless.chat(held_out=False), 6000)
    yield from sample((e for e in harmless.phrases() if trained_phrase(e)), 4500)
    for name in QUESTIONS:
        yield from sample(harmless.questions(name), 400)
    yield from chain(harmless.tasks(), harmless.sentences())
    yield from sample(harmless.words(), 1200)
    yield from sample((e for e in harmless.code() if point(e.text, "code") < 0.5), 600)
    yield from answers.harmless()


def trained_phrase(example: Example) -> bool:
    """Return whether a phrase of chatterbot-corpus may be trained on: by language, then half by hash."""
    return example.language not in HELD_OUT_LANGUAGES and point(example.text, "phrase") < 0.5
