"""Labelled calls out of packages, for the error figures of the scorers of behaviour. None where a package is absent."""

import csv
import importlib.util
import io
import json
import random
import zlib
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import yaml

from schemas.inference import Message, Role
from services.scorers.behaviour.texts import sentences
from services.scorers.contract import Subject

Pairs = list[tuple[str, str]]
_EVALUATIONS = "datasets/scorer_evals"
_TRUE = frozenset({"1", "1.0", "true"})


def is_held_out(text: str) -> bool:
    """Return whether a text is of the half on which nothing was chosen."""
    return zlib.crc32(text.encode(errors="replace")) % 2 == 1


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _rows(path: Path) -> list[dict[str, str]]:
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    return list(csv.DictReader(io.StringIO("".join(line for line in lines if not line.startswith("# ")))))


def questions() -> Pairs:
    """Return questions and long answers of language models (pyrit), each question and answer once."""
    folder = _folder("pyrit")
    if folder is None:
        return []
    found = {
        (row["objective"], row["assistant_response"])
        for kind in ("harm", "objective")
        for path in sorted((folder / _EVALUATIONS / kind).glob("*.csv"))
        for row in _rows(path)
        if row.get("objective") and row.get("assistant_response")
    }
    by_question: dict[str, str] = {}
    for question, answer in sorted(found):
        if len(answer) > 200 and answer not in by_question.values():
            by_question.setdefault(question, answer)
    return sorted(by_question.items())


def refusals() -> list[tuple[str, bool]]:
    """Return answers with a person's word on whether they refuse (pyrit); off-topic answers count as refusals there."""
    folder = _folder("pyrit")
    if folder is None:
        return []
    rows = _rows(folder / _EVALUATIONS / "refusal_scorer/refusal.csv")
    return [(row["assistant_response"], row["human_score"].strip().lower() in _TRUE) for row in rows]


def conversations() -> list[list[tuple[str, str]]]:
    """Return conversations between two people (chitchat-dataset): turns of sender and text."""
    folder = _folder("chitchat_dataset")
    if folder is None:
        return []
    told = json.loads((folder / "dataset.json").read_text())
    return [
        [(turn[0]["sender"], "\n".join(message["text"] for message in turn)) for turn in one["messages"] if turn]
        for _, one in sorted(told.items())
    ]


def everyday() -> dict[str, Pairs]:
    """Return questions and answers by language (chatterbot-corpus)."""
    folder = _folder("chatterbot_corpus")
    found: dict[str, Pairs] = defaultdict(list)
    for path in sorted((folder / "data").rglob("*.yml")) if folder else ():
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for talk in tree["conversations"]:
            said = [str(line) for line in talk]
            found[path.parent.name] += pairwise(said)
    return found


def next_turns(most: int, seed: int) -> list[tuple[Subject, Subject]]:
    """Return calls whose answer is the conversation's next turn, each with one that has another's."""
    rng = random.Random(seed)
    talks = [talk for talk in conversations() if len(talk) >= 6]
    rng.shuffle(talks)
    calls = []
    for talk, other in pairwise(talks[: most + 1]):
        at = 5
        roles: dict[str, Role] = {talk[at][0]: "assistant"}
        messages = tuple(Message(role=roles.get(sender, "user"), content=text) for sender, text in talk[:at])
        if talk[at - 1][0] == talk[at][0]:
            continue
        prompt = talk[at - 1][1]
        calls.append(
            (
                Subject(prompt=prompt, answer=talk[at][1], messages=messages),
                Subject(prompt=prompt, answer=other[at][1], messages=messages),
            )
        )
    return calls


def grounded_pairs(seed: int) -> dict[str, list[tuple[Subject, Subject]]]:
    """Return calls with passages, each well grounded one beside one that is not, by how they differ.

    `told again`: two sentences of the passage, a third of their words dropped, against two of another passage.
    `gone on`: the passage is an answer's first half; its second half against another's: related, but not said.
    `numbers`: a passage's sentence with a number, against the same with the number changed.
    """
    rng = random.Random(seed)
    texts = [answer for question, answer in questions() if is_held_out(question)]
    told: dict[str, list[tuple[Subject, Subject]]] = {"told again": [], "gone on": [], "numbers": []}
    for text, other in zip(texts, texts[1:] + texts[:1], strict=True):
        here, there = sentences(text), sentences(other)
        if len(here) < 6 or len(there) < 6:
            continue
        half, other_half = len(here) // 2, len(there) // 2
        first, second = " ".join(here[:half]), " ".join(here[half:])
        told["gone on"].append(_pair((first,), second, " ".join(there[other_half:])))
        dropped = [_dropped(" ".join(rng.sample(some, 2)), rng) for some in (here, there)]
        told["told again"].append(_pair((text,), *dropped))
        if numbered := [one for one in here if any(sign.isdigit() for sign in one[3:])]:
            line = rng.choice(numbered)[3:]
            told["numbers"].append(_pair((text,), line, _changed(line)))
    return told


def _pair(contexts: tuple[str, ...], good: str, bad: str) -> tuple[Subject, Subject]:
    return Subject(prompt="", answer=good, contexts=contexts), Subject(prompt="", answer=bad, contexts=contexts)


def _dropped(text: str, rng: random.Random) -> str:
    return " ".join(word for word in text.split() if rng.random() > 1 / 3)


def _changed(text: str) -> str:
    return "".join(str((int(sign) + 7) % 10) if sign.isdecimal() and sign.isascii() else sign for sign in text)
