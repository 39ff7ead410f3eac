"""What the heads are trained on and choose their thresholds by, without anything that is held out.

Whole sources are held out (services.scorers.embedded.heldout), not rows of trained ones, wherever there is
more than one source of a kind. Texts of other sources that lie close to a held-out one are left out here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from services.scorers.embedded import answers, harmless, harms, injections
from services.scorers.embedded.examples import Example, Judgement, distinct, point, sample

VALIDATION_SHARE = 0.15
# Spoken in chatterbot-corpus and in no training, so that false alarms in a language not met can be measured.
HELD_OUT_LANGUAGES = frozenset(("de", "es", "ja", "ko", "nl"))
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


def corpus(judgement: Judgement, held_out: Iterable[Example], near: Callable[[Sequence[str], Sequence[str]], set[int]]) -> Corpus:
    """Return the corpus of a judgement.

    Args:
        judgement: Whose.
        held_out: All that is held out from it.
        near: Tells which texts (by index) are close to one of some others.
    """
    banned = [example.text for example in held_out]
    bad = injection_examples() if judgement == "injection" else harm_examples()
    good = (replace(example, judgement=judgement) for example in harmless_examples())
    examples = distinct(chain(bad, good))
    close = near([example.text for example in examples], banned)
    kept = [example for index, example in enumerate(examples) if index not in close]
    validation = [e for e in kept if point(e.text, "validation") < VALIDATION_SHARE]
    train = [e for e in kept if point(e.text, "validation") >= VALIDATION_SHARE]
    return Corpus(tuple(train), tuple(validation))


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
    yield from sample(harmless.chat(held_out=False), 4000)
    yield from sample((e for e in harmless.phrases() if trained_phrase(e)), 3500)
    for name in QUESTIONS:
        yield from sample(harmless.questions(name), 400)
    yield from chain(harmless.tasks(), harmless.sentences())
    yield from sample(harmless.words(), 1200)
    yield from sample((e for e in harmless.code() if point(e.text, "code") < 0.5), 600)
    yield from answers.harmless()


def trained_phrase(example: Example) -> bool:
    """Return whether a phrase of chatterbot-corpus may be trained on: by language, then half by hash."""
    return example.language not in HELD_OUT_LANGUAGES and point(example.text, "phrase") < 0.5
