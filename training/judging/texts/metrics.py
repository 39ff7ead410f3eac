"""What a written answer is worth beside the one that a person wrote: in [0, 1] by prompt, higher is better.

Exact match, fields and tool calls compare values, not spellings: JSON is read before it is compared. chrF is
sacrebleu's (Popović 2015), ROUGE-L rouge-score's (Lin 2004) over words of any script.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import msgspec
import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.chrf import CHRF

from schemas.inference import Message, ToolCall
from services.scorers.behaviour.shape.forms import schema_of
from services.scorers.behaviour.texts import mended, words
from services.scorers.embedding import Embedder
from training.judging.statistics import Values

Measure = Callable[[Message, Message], float]
_UNREADABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
_NOTHING = object()


class _Words:
    """Splits texts into words for rouge-score, whose own way knows ASCII alone."""

    def tokenize(self, text: str) -> list[str]:
        return list(words(mended(text)))


def exact_match(reference: Message, answer: Message) -> float:
    """Return 1 where texts are the same, blanks aside, or the same JSON, and tool calls are the same."""
    texts = _value_of(reference.text), _value_of(answer.text)
    return float(texts[0] == texts[1] and _calls(reference) == _calls(answer))


def field_f1(reference: Message, answer: Message) -> float:
    """Return the F1 of an answer's fields, each a path with its value; of lists the order doesn't count.

    An answer that is no JSON has no fields; a reference that is none is compared as a whole.

    Example:
        >>> said = Message(role="assistant", content='{"kind": "bug", "where": {"file": "a"}}')
        >>> round(field_f1(said, Message(role="assistant", content='{"where": {"file": "a"}, "kind": "wish"}')), 2)
        0.5
    """
    wanted, got = _json(reference.text), _json(answer.text)
    if wanted is _NOTHING:
        return exact_match(reference, answer)
    if got is _NOTHING:
        return 0.0
    expected, found = Counter(_fields(wanted)), Counter(_fields(got))
    return 2 * (expected & found).total() / (expected.total() + found.total())


def tool_call_accuracy(reference: Message, answer: Message) -> float:
    """Return the share of calls that are right, name and arguments; a call too many counts as a wrong one.

    Where nothing should be called, an answer without a call is right.
    """
    expected, found = Counter(_calls(reference)), Counter(_calls(answer))
    most = max(expected.total(), found.total())
    return (expected & found).total() / most if most else 1.0


def avoided(unwanted: Message, answer: Message) -> float:
    """Return 1 where an answer is not the one that was unwanted: not the same text, or the same JSON, or calls.

    Saying nothing is no better, and neither is something else than JSON in place of unwanted JSON.
    """
    if not (answer.text.strip() or answer.tool_calls):
        return 0.0
    if _json(unwanted.text) is not _NOTHING and not answer.tool_calls and _json(answer.text) is _NOTHING:
        return 0.0
    return 1.0 - exact_match(unwanted, answer)


def json_validity(_: Message, answer: Message) -> float:
    """Return 1 where the answer is JSON and nothing else."""
    return float(_json(answer.text) is not _NOTHING)


def schema_validity(schema: str) -> Measure:
    """Return the measure of answers that keep to a JSON Schema; it raises Unusable for one that can't be judged."""
    holds = schema_of(schema)

    def measure(_: Message, answer: Message) -> float:
        value = _json(answer.text)
        return float(value is not _NOTHING and holds(value))

    return measure


def chrf(reference: Message, answer: Message) -> float:
    """Return the character F-score, order 6."""
    wanted, got = mended(reference.text), mended(answer.text)
    if not wanted.strip():
        return float(not got.strip())
    return min(1.0, float(_chrf().sentence_score(got, [wanted]).score) / 100)


def rouge_l(reference: Message, answer: Message) -> float:
    """Return the F-score of the longest common subsequence of words."""
    return min(1.0, float(_rouge().score(reference.text, answer.text)["rougeL"].fmeasure))


MEASURES: dict[str, Measure] = {
    "exact_match": exact_match,
    "field_f1": field_f1,
    "tool_call_accuracy": tool_call_accuracy,
    "json_validity": json_validity,
    "chrf": chrf,
    "rouge_l": rouge_l,
}


def measured(measure: Measure, references: Sequence[Message], answers: Sequence[Message]) -> Values:
    """Return a measure of every answer, (n,)."""
    return np.array([measure(*pair) for pair in zip(references, answers, strict=True)], dtype=np.float64)


def similarities(embedder: Embedder, references: Sequence[Message], answers: Sequence[Message]) -> Values:
    """Return the cosine of the embeddings of every answer and its reference, (n,), 0 where they point apart."""
    wanted, got = (embedder.embed([message.text for message in side]) for side in (references, answers))
    cosines: Values = np.clip((wanted * got).sum(axis=1), 0.0, 1.0).astype(np.float64)
    return cosines


@cache
def _chrf() -> CHRF:
    return CHRF()


@cache
def _rouge() -> RougeScorer:
    return RougeScorer(["rougeL"], tokenizer=_Words())


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(mended(text).strip())
    except _UNREADABLE:
        return _NOTHING


def _value_of(text: str) -> object:
    value = _json(text)
    return " ".join(text.split()) if value is _NOTHING else _frozen(value)


def _calls(message: Message) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(((call.name, _frozen(_arguments(call))) for call in message.tool_calls), key=repr))


def _arguments(call: ToolCall) -> object:
    value = _json(call.arguments or "{}")
    return call.arguments if value is _NOTHING else value


def _frozen(value: object) -> object:
    """Return a JSON value as one that can be compared and counted; 1 is not True, and a list keeps its order."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return ("[]", *map(_frozen, value))
    return (type(value).__name__, value) if isinstance(value, bool) else value


def _fields(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _fields(inner, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _fields(inner, f"{path}[]")
    else:
        yield path, _frozen(value.strip() if isinstance(value, str) else value)
