"""What the scorers of behaviour cost, and how often they are wrong on packaged and written calls.

    python -m tests.bench.behaviour [--calls 2000] [--figures]

Calls are packaged questions with the long answers of language models and messages between people, a fifth with
passages, a tenth with tools and a schema. One JSON line: calls/s of all scorers together on every processor,
processor microseconds a call, each scorer's share, and with --figures the errors. Sets of a package that is not
installed are null.
"""

import argparse
import json
import random
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import permutations
from multiprocessing import get_context
from statistics import mean

from sklearn.metrics import roc_auc_score

from schemas.inference import Message, ToolCall, ToolDeclared
from services.scorers.behaviour.catalogue import BEHAVIOUR_SCORERS, BehaviourSettings, behaviour_scorers
from services.scorers.behaviour.language.identifier import group_of
from services.scorers.contract import Score, Scorer, Subject
from tests.bench.behaviour_data import (
    conversations,
    everyday,
    grounded_pairs,
    is_held_out,
    next_turns,
    questions,
    refusals,
)
from tests.bench.machine import machine
from tests.services.scorers.behaviour.refusals import labelled

BATCH = 64
SEED = 7
_SCHEMA = '{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}'
_CODES = {
    "dutch": "nl", "english": "en", "french": "fr", "german": "de", "hebrew": "he", "hindi": "hi", "indonesian": "id",
    "italian": "it", "japanese": "ja", "korean": "ko", "marathi": "mr", "persian": "fa", "portuguese": "pt",
    "russian": "ru", "spanish": "es", "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th", "turkish": "tr",
    "ukrainian": "uk", "urdu": "ur", "bengali": "bn", "chinese": "zh", "traditionalchinese": "zh", "oriya": "or",
    "yoruba": "yo",
}  # fmt: skip
Rate = dict[str, float | int | None]


def calls(count: int, seed: int) -> list[Subject]:
    """Return calls as an application has them, in a fixed order."""
    rng = random.Random(seed)
    asked = questions() or [("What is it?", "It is a thing that one has. " * 40)]
    talks = [text for talk in conversations()[:500] for _, text in talk] or ["hello there"]
    made = []
    for number in range(count):
        question, answer = rng.choice(asked)
        said = f"{answer[: rng.randrange(80, 1_600)]} ({number})"
        history = tuple(Message(role="user" if at % 2 else "assistant", content=rng.choice(talks)) for at in range(4))
        prompt = f"{rng.choice(talks) if number % 2 else question} ({number})"
        made.append(
            Subject(
                prompt=prompt,
                answer=_SCHEMA if number % 10 == 0 else said,
                messages=(*(history if number % 3 == 0 else ()), Message(role="user", content=prompt)),
                output=Message(
                    role="assistant",
                    content=said,
                    tool_calls=(ToolCall(id="1", name="look", arguments='{"city":"Ulm","days":2}'),)
                    if number % 10 == 1
                    else (),
                ),
                contexts=(answer,) if number % 5 == 0 else (),
                finish_reason="stop",
                tools=(ToolDeclared(name="look", schema=_SCHEMA),) if number % 10 == 1 else (),
                response_schema=_SCHEMA if number % 10 == 0 else "",
            )
        )
    return made


def scored(scorers: Sequence[Scorer], subjects: Sequence[Subject]) -> None:
    """Score calls in batches."""
    for start in range(0, len(subjects), BATCH):
        for scorer in scorers:
            scorer.score(subjects[start : start + BATCH])


def one_worker(count: int, seed: int) -> float:
    """Return the seconds that one process takes, its models loaded before."""
    scorers, subjects = behaviour_scorers(BehaviourSettings()), calls(count, seed)
    scored(scorers, subjects[:BATCH])
    began = time.perf_counter()
    scored(scorers, subjects)
    return time.perf_counter() - began


def speed(count: int) -> dict[str, object]:
    """Return what calls cost: together on two processes, and each scorer alone by processor time."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        taken = list(pool.map(one_worker, (count, count), (SEED, SEED + 1)))
    scorers, subjects = behaviour_scorers(BehaviourSettings()), calls(count, SEED)
    scored(scorers, subjects[:BATCH])
    spent = dict.fromkeys(BEHAVIOUR_SCORERS, 0.0)
    for start in range(0, count, BATCH):
        for scorer in scorers:
            began = time.process_time()
            scorer.score(subjects[start : start + BATCH])
            spent[scorer.card.name] += time.process_time() - began
    whole = sum(spent.values())
    return {
        "calls_s_on_two_processes": round(sum(count / seconds for seconds in taken)),
        "cpu_us_a_call": round(1e6 * whole / count),
        "share": {name: round(seconds / whole, 3) for name, seconds in spent.items()},
        "answer_characters": round(mean(len(subject.answer) for subject in subjects)),
        "prompt_characters": round(mean(len(subject.prompt) for subject in subjects)),
    }


def first_scores(scorer: Scorer, subjects: Sequence[Subject], at: int = 0) -> list[Score]:
    """Return one score of each call."""
    return [row[at] for start in range(0, len(subjects), 256) for row in scorer.score(subjects[start : start + 256])]


def separation(scorer: Scorer, pairs: Sequence[tuple[Subject, Subject]], at: int = 0) -> Rate:
    """Return the AUC of telling the first of each pair from the second, over pairs of which both were judged."""
    good = first_scores(scorer, [one for one, _ in pairs], at)
    bad = first_scores(scorer, [other for _, other in pairs], at)
    both = [(a.value, b.value) for a, b in zip(good, bad, strict=True) if a.value is not None and b.value is not None]
    if not both:
        return {"auc": None, "pairs": 0}
    truth = [1] * len(both) + [0] * len(both)
    values = [a for a, _ in both] + [b for _, b in both]
    return {"auc": round(float(roc_auc_score(truth, values)), 3), "pairs": len(both)}


def detection(found: Iterable[tuple[bool, bool]]) -> Rate:
    """Return precision and recall of what was found against what is true."""
    rows = list(found)
    hits = sum(true and said for said, true in rows)
    said, true = sum(one for one, _ in rows), sum(one for _, one in rows)
    return {
        "precision": round(hits / said, 3) if said else None,
        "recall": round(hits / true, 3) if true else None,
        "true": true,
        "count": len(rows),
    }


def refusal_figures(scorer: Scorer) -> dict[str, object]:
    """Return the errors on written sentences, packaged answers, and messages between people."""

    def found(rows: Sequence[tuple[str, bool]]) -> Rate:
        scores = first_scores(scorer, [Subject(answer=text) for text, _ in rows])
        return detection((score.label == "refused", true) for score, (_, true) in zip(scores, rows, strict=True))

    chat = [text for talk in conversations() for _, text in talk if is_held_out(text)]
    labels = [score.label for score in first_scores(scorer, [Subject(answer=text) for text in chat])]
    return {
        "written, held out": found(labelled()[1]),
        "pyrit refusal.csv": found(refusals()),
        "false on chat": round(labels.count("refused") / len(labels), 5) if labels else None,
        "chat": len(labels),
    }


def language_figures(scorers: dict[str, Scorer]) -> dict[str, object]:
    """Return the errors on everyday questions and answers of many languages, and pairs that mix two of them."""
    rng = random.Random(SEED)
    told = {name: rng.sample(pairs, min(100, len(pairs))) for name, pairs in everyday().items() if name in _CODES}
    if not told:
        return {}
    texts = [(_CODES[name], question) for name, pairs in told.items() for question, _ in pairs]
    named = first_scores(scorers["prompt-language"], [Subject(prompt=text) for _, text in texts])
    right = [
        group_of(s.label) == group_of(code) for s, (code, _) in zip(named, texts, strict=True) if s.value is not None
    ]
    same = [Subject(prompt=question, answer=answer) for pairs in told.values() for question, answer in pairs]
    mixed = [
        Subject(prompt=rng.choice(told[one])[0], answer=rng.choice(told[other])[1])
        for one, other in permutations(told, 2)
        if group_of(_CODES[one]) != group_of(_CODES[other])
    ]
    matched, crossed = (first_scores(scorers["language-mismatch"], some) for some in (same, mixed))
    return {
        "languages": len(told),
        "language right": round(mean(right), 4),
        "language judged": round(len(right) / len(texts), 3),
        "false mismatches": _share(matched, "mismatch"),
        "mismatches found": _share(crossed, "mismatch"),
    }


def _share(scores: Sequence[Score], label: str) -> Rate:
    judged = [score for score in scores if score.value is not None]
    return {
        "ratio": round(sum(score.label == label for score in judged) / max(1, len(judged)), 4),
        "judged": len(judged),
        "of": len(scores),
    }


def relevance_pairs(told: Sequence[tuple[str, str]]) -> list[tuple[Subject, Subject]]:
    """Return questions with their answers, each beside the same with the answer of another question."""
    rng = random.Random(SEED)
    others = [answer for _, answer in told]
    rng.shuffle(others)
    return [
        (Subject(prompt=question, answer=answer), Subject(prompt=question, answer=other))
        for (question, answer), other in zip(told, others, strict=True)
        if other != answer
    ]


def figures() -> dict[str, object]:
    """Return every error figure."""
    scorers = dict(zip(BEHAVIOUR_SCORERS, behaviour_scorers(BehaviourSettings()), strict=True))
    chat = [Subject(prompt=text) for talk in conversations()[::5] for _, text in talk]
    grounded = grounded_pairs(SEED)
    return {
        "refusal": refusal_figures(scorers["refusal"]),
        "language": language_figures(scorers),
        "relevance": {
            "pyrit questions": separation(scorers["relevance"], relevance_pairs(questions())),
            "chatterbot English": separation(scorers["relevance"], relevance_pairs(everyday().get("english", []))),
        },
        "coherence, next turn of chat": separation(scorers["coherence"], next_turns(2_000, SEED)),
        "groundedness": {
            **{
                name: separation(scorers["groundedness"], pairs)
                for name, pairs in grounded.items()
                if name != "numbers"
            },
            "told again, at threshold": _threshold(scorers["groundedness"], grounded["told again"]),
            "gone on, at threshold": _threshold(scorers["groundedness"], grounded["gone on"]),
            "numbers changed": detection(
                (score.label == "some", is_bad)
                for is_bad in (False, True)
                for score in first_scores(scorers["groundedness"], [pair[is_bad] for pair in grounded["numbers"]], 1)
            ),
        },
        "toxicity, chat": _share(first_scores(scorers["prompt-toxicity"], chat), "toxic"),
        "looping, model answers": _share(
            first_scores(scorers["repetition"], [Subject(answer=answer) for _, answer in questions()]), "looping"
        ),
    }


def _threshold(scorer: Scorer, pairs: Sequence[tuple[Subject, Subject]]) -> Rate:
    return detection(
        (score.label == "ungrounded", bool(at))
        for at in (0, 1)
        for score in first_scores(scorer, [pair[at] for pair in pairs])
        if score.value is not None
    )


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--figures", action="store_true", help="also the errors, some minutes")
    chosen = parser.parse_args()
    before = machine()
    report = {"machine": before, **speed(chosen.calls), **({"errors": figures()} if chosen.figures else {})}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
