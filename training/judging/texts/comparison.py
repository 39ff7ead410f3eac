"""Two versions of an app that writes on everything that the gate asks: held-out prompts, harmful and harmless ones.

Order: 1. both write answers to the held-out prompts  2. measures, of which one is the task's primary  3. both answer
the packaged prompts, briefly, as a refusal comes at once  4. perplexity of what people wrote.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from schemas.gate_report import Effort
from schemas.inference import Message
from schemas.tasks import PRIMARY_METRIC, Task
from services.scorers.behaviour.shape.json_schema import Unusable
from services.scorers.behaviour.tone.refusal import THRESHOLD, refused
from services.scorers.embedding import Embedder
from training.data.dataset import Example
from training.judging.conduct import Conduct, Pair
from training.judging.gate import Judged
from training.judging.statistics import Values
from training.judging.texts.generation import Question, Who, Writers, Written
from training.judging.texts.metrics import MEASURES, Measure, avoided, measured, schema_validity, similarities
from training.judging.texts.pairwise import Comparer, Pairing, win_rates

REFUSAL_TOKENS = 24
MOST_READ = 100
"""References whose perplexity is measured: one pass each, and a figure that no verdict rests on."""
_WHO: tuple[Who, ...] = get_args(Who)
_NO_REFERENCE = Message(role="assistant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is compared.

    Attributes:
        metric: The primary one, of schemas.tasks.
        schema: JSON Schema of the app's answers, empty without one.
        most_tokens: Of an answer.
        harmful: Prompts that should be refused; empty where the app is not asked.
        harmless: Prompts that should be answered.
    """

    metric: str
    schema: str = ""
    most_tokens: int = 256
    harmful: Sequence[str] = ()
    harmless: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """Both versions' answers and what they are worth.

    Attributes:
        examples: The prompts that could be judged, in the order of all that follows.
        answers: Of each version.
        worth: By the primary metric.
        figures: Means of every metric, "candidate/chrf" to its value.
    """

    examples: tuple[Example, ...]
    answers: dict[Who, tuple[Message, ...]]
    worth: dict[Who, Values]
    conduct: Conduct
    figures: dict[str, float]
    effort: dict[str, Effort]

    @property
    def judged(self) -> list[Judged]:
        """The prompts as the gate takes them."""
        return [
            Judged(example.recent, example.slice, example.label, float(candidate), float(incumbent), _said(example))
            for example, candidate, incumbent in zip(
                self.examples, self.worth["candidate"], self.worth["incumbent"], strict=True
            )
        ]


def metric_of(task: Task, wanted: str) -> str:
    """Return the metric that the gate's questions are asked of."""
    return wanted or PRIMARY_METRIC[task]


def reference_of(example: Example) -> Message | None:
    """Return what a person wrote or wanted, None where only an unwanted answer is known."""
    if example.kind == "label":
        return Message(role="assistant", content=example.label)
    return None if example.kind == "unwanted" else example.answer


def compare(writers: Writers, held_out: Sequence[Example], terms: Terms, comparer: Comparer) -> Compared:
    """Return the comparison.

    Of a prompt of which only an unwanted answer is known the worth is whether that is avoided, but for win_rate, which
    needs no answer. A prompt of which none is known is judged by win_rate alone, else left out.
    """
    examples = tuple(e for e in held_out if terms.metric == "win_rate" or e.kind == "label" or e.answer is not None)
    questions = [Question(example.messages, example.tools, example.response_schema) for example in examples]
    written = writers.write(questions, most_tokens=terms.most_tokens)
    answers = {who: written[who].answers for who in _WHO}
    every = _every_metric(examples, answers, terms, comparer)
    known = [row for row, example in enumerate(examples) if reference_of(example) is not None]
    references = [reference_of(examples[row]) or _NO_REFERENCE for row in known]
    figures = _means(every, examples, known)
    for who in _WHO:
        asked = [questions[row] for row in known[:MOST_READ]]
        figures[f"{who}/perplexity"] = writers.perplexity(who, asked, references[:MOST_READ])
    return Compared(
        examples=examples,
        answers=answers,
        worth={who: _worth(examples, every, who, terms.metric) for who in _WHO},
        conduct=_conduct(writers, _system_of(examples), terms, written),
        figures=figures,
        effort={who: written[who].effort for who in _WHO},
    )


def _every_metric(
    examples: Sequence[Example], answers: dict[Who, tuple[Message, ...]], terms: Terms, comparer: Comparer
) -> dict[tuple[Who, str], Values]:
    references = [reference_of(example) or _NO_REFERENCE for example in examples]
    measures = {**MEASURES, **_validity(terms.schema)}
    found = {(who, name): measured(one, references, answers[who]) for who in _WHO for name, one in measures.items()}
    known = [example.answer or _NO_REFERENCE for example in examples]
    found |= {(who, "avoided"): measured(avoided, known, answers[who]) for who in _WHO}
    embedder = Embedder.load()
    for who in _WHO:
        found[who, "embedding_similarity"] = similarities(embedder, references, answers[who])
    if terms.metric == "win_rate":
        both = zip(examples, answers["candidate"], answers["incumbent"], strict=True)
        rates = win_rates(comparer, [Pairing(example.messages, one, other) for example, one, other in both])
        found["candidate", "win_rate"], found["incumbent", "win_rate"] = rates, 1 - rates
    return found


def _worth(examples: Sequence[Example], every: dict[tuple[Who, str], Values], who: Who, metric: str) -> Values:
    if metric == "win_rate":
        return every[who, metric]
    unwanted = np.array([example.kind == "unwanted" for example in examples], bool)
    return np.where(unwanted, every[who, "avoided"], every[who, metric])


def _means(every: dict[tuple[Who, str], Values], examples: Sequence[Example], known: Sequence[int]) -> dict[str, float]:
    """Return the mean of each metric over the prompts that it is of."""
    unwanted = [row for row, example in enumerate(examples) if example.kind == "unwanted"]
    rows: dict[str, Sequence[int]] = {"avoided": unwanted, "win_rate": range(len(examples))}
    means = {f"{who}/{name}": values[list(rows.get(name, known))] for (who, name), values in every.items()}
    return {name: float(values.mean()) for name, values in means.items() if values.size}


def _said(example: Example) -> str:
    return example.kind if example.kind in ("wanted", "unwanted") else ""


def _validity(schema: str) -> dict[str, Measure]:
    if not schema:
        return {}
    measure = schema_validity(schema)
    try:
        measure(_NO_REFERENCE, Message(role="assistant", content="{}"))
    except Unusable:
        return {}
    return {"schema_validity": measure}


def _conduct(writers: Writers, system: str, terms: Terms, written: dict[Who, Written]) -> Conduct:
    """Return how both behave; harmful and harmless prompts come with the app's own instruction, as its users' do."""
    answered = {who: 1 - values for who, values in _refusals(writers, system, terms.harmful).items()}
    held = _refusals(writers, system, terms.harmless)
    return Conduct(
        answered=Pair(answered["candidate"], answered["incumbent"]),
        refused=Pair(held["candidate"], held["incumbent"]),
        tokens=Pair(*(np.array(written[who].tokens, np.float64) for who in _WHO)),
        seconds=Pair(*(np.array(written[who].seconds, np.float64) for who in _WHO)),
    )


def _refusals(writers: Writers, system: str, prompts: Sequence[str]) -> dict[Who, Values]:
    opening = (Message(role="system", content=system),) if system else ()
    questions = [Question((*opening, Message(role="user", content=prompt))) for prompt in prompts]
    written = writers.write(questions, most_tokens=REFUSAL_TOKENS)
    return {
        who: np.array([refused(answer.text) >= THRESHOLD for answer in written[who].answers], np.float64)
        for who in _WHO
    }


def _system_of(examples: Sequence[Example]) -> str:
    """Return the instruction that most conversations begin with, empty if most have none."""
    first = Counter(
        example.messages[0].text if example.messages and example.messages[0].role == "system" else ""
        for example in examples
    )
    return first.most_common(1)[0][0] if first else ""
