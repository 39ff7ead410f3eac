"""The labelled data sets that come in packages, as the harness judges on them. Nothing here was trained on."""

from collections.abc import Iterable

from services.scorers.corpora import Example, harm_corpus, harm_elsewhere, injection_corpus
from services.scorers.evaluation.examples import DataSet, Labelled, prompts


def packaged_sets() -> tuple[DataSet, ...]:
    """Return the held-out parts; reading them takes a second."""
    injection, harm, elsewhere = injection_corpus().test, harm_corpus().test, harm_elsewhere()
    harmful = [example for example in elsewhere if example.label == 1]
    ordinary = [example for example in harm if example.label == 0]
    return (
        DataSet(
            name="injections held out",
            relation="in distribution",
            examples=_labelled(injection),
            about=frozenset(("injection",)),
        ),
        DataSet(
            name="AdvBench held out",
            relation="in distribution",
            examples=_labelled(harm),
            about=frozenset(("harm",)),
        ),
        DataSet(
            name="HarmBench against look-alikes",
            relation="across data sets",
            examples=_labelled(elsewhere),
            about=frozenset(("harm",)),
        ),
        DataSet(
            name="HarmBench against ordinary prompts",
            relation="across data sets",
            examples=_labelled([*harmful, *ordinary]),
            about=frozenset(("harm",)),
        ),
    )


def _labelled(examples: Iterable[Example]) -> tuple[Labelled, ...]:
    return prompts((example.text, example.label == 1, example.source) for example in examples)
