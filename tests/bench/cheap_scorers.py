"""What all cheap scorers together cost a call, in processor time: `python -m tests.bench.cheap_scorers [--calls 640]`.

Every scorer of the catalogue that is cheap sees every call, in the batches that the processors take, over one
workshop, so that what one makes of a text is there for the others as it is in a deployment. Prompts and answers are
messages of packaged conversations between people put together to realistic lengths, no two alike; a third have
turns before them, a fifth passages, a tenth tools or a schema. The gateway has looked for personal data in all.

One JSON line: microseconds of processor a call (the least of the rounds, each on calls that were never seen) and the
calls a second that two cores have time for, of `all`, and of all `but_heads`: the embedded heads look closely, with a
sentence encoder, at what they can't clear, and that is most of what they cost. Set OMP_NUM_THREADS=1.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean

from schemas.inference import Message, Role, ToolCall, ToolDeclared
from schemas.privacy import Private
from schemas.scoring import ScorerEntry
from services.scorers.catalogue import CATALOGUE, load_all
from services.scorers.contract import Scorer, Subject
from services.scorers.workshop import Workshop
from tests.bench.behaviour_data import conversations
from tests.bench.machine import machine

BATCH = 64
CORES = 2
PROMPT_LENGTHS, ANSWER_LENGTHS = (20, 500), (100, 1_200)
Said = Callable[[tuple[int, int]], str]
_SCHEMA = '{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}'
_LOOK = ToolDeclared(name="look", schema=_SCHEMA)
_LOOKED = ToolCall(id="1", name="look", arguments='{"city":"Ulm","days":2}')


def calls(count: int, seed: int) -> list[Subject]:
    """Return calls, none of which another seed has."""
    dice = random.Random(seed)
    talks = conversations()
    if not talks:
        raise SystemExit("chitchat-dataset is not installed")

    def said(lengths: tuple[int, int]) -> str:
        turns = [text for _, text in dice.choice(talks)]
        begin, least = dice.randrange(len(turns)), dice.randrange(*lengths)
        text = ""
        for turn in turns[begin:] + turns[:begin]:
            if len(text) >= least:
                break
            text = f"{text} {turn}".strip()
        return f"{text[: lengths[1]]} {dice.randrange(1_000_000)}"

    return [_call(number, said(PROMPT_LENGTHS), said(ANSWER_LENGTHS), dice, said) for number in range(count)]


def _call(number: int, prompt: str, answer: str, dice: random.Random, said: Said) -> Subject:
    roles: tuple[Role, ...] = ("user", "assistant", "user", "assistant")
    before = tuple(Message(role=role, content=said(PROMPT_LENGTHS)) for role in roles) if number % 3 == 0 else ()
    called = number % 10 == 1
    return Subject(
        prompt=prompt,
        answer=_SCHEMA if number % 10 == 0 else answer,
        messages=(*before, Message(role="user", content=prompt)),
        output=Message(role="assistant", content=answer, tool_calls=(_LOOKED,) if called else ()),
        contexts=(f"{answer[dice.randrange(50) :]} {said(ANSWER_LENGTHS)}",) if number % 5 == 0 else (),
        finish_reason="stop",
        tools=(_LOOK,) if called else (),
        response_schema=_SCHEMA if number % 10 == 0 else "",
        private=Private(policy="mask"),
    )


def cheap_scorers(*, heads: bool) -> list[Scorer]:
    """Return every scorer of the catalogue that is cheap, in its order, over a workshop of their own."""
    names = [listing.name for listing in CATALOGUE if heads or not listing.name.endswith("-head")]
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), Path(folder), lambda app, version: None)
        loaded, lacking = load_all((ScorerEntry(name=name) for name in names), workshop)
    if lacking:
        raise SystemExit("; ".join(map(str, lacking)))
    return [scorer for _, scorer in loaded if scorer.card.cost == "cheap"]


def batches(subjects: Sequence[Subject]) -> Iterator[Sequence[Subject]]:
    """Yield the batches that a processor takes."""
    for start in range(0, len(subjects), BATCH):
        yield subjects[start : start + BATCH]


def spent(scorers: Sequence[Scorer], subjects: Sequence[Subject]) -> dict[str, float]:
    """Return each scorer's processor seconds, all threads of this process together."""
    taken = dict.fromkeys((scorer.card.name for scorer in scorers), 0.0)
    for batch in batches(subjects):
        for scorer in scorers:
            began = time.process_time()
            scorer.score(batch)
            taken[scorer.card.name] += time.process_time() - began
    return taken


def cost(rounds: Sequence[Sequence[Subject]], *, heads: bool) -> dict[str, object]:
    """Return what calls cost."""
    scorers = cheap_scorers(heads=heads)
    spent(scorers, calls(BATCH, 0))
    least = min((spent(scorers, subjects) for subjects in rounds), key=lambda taken: sum(taken.values()))
    a_call = sum(least.values()) / len(rounds[0])
    return {
        "scorers": len(scorers),
        "cpu_us_a_call": round(1e6 * a_call),
        "calls_s_on_2_cores": round(CORES / a_call),
        "us": {name: round(1e6 * seconds / len(rounds[0])) for name, seconds in least.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    before = machine()
    rounds = [calls(chosen.calls, seed) for seed in range(1, chosen.rounds + 1)]
    told = {
        "bench": "cheap_scorers",
        "calls": chosen.calls,
        "prompt_characters": round(mean(len(subject.prompt) for some in rounds for subject in some)),
        "answer_characters": round(mean(len(subject.answer) for some in rounds for subject in some)),
        "but_heads": cost(rounds, heads=False),
        "all": cost(rounds, heads=True),
        **before,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
