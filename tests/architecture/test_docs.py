"""The pages tell the truth about the tree: what they name exists, and the tree keeps what they promise of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{page.name}" for page in ROOT.glob("docs/*.md")))
"""Of the present; the changelog may name what is no more."""
CODE = ("schemas", "services", "stream_processors", "training", "dashboards")
TOP = f"(?:{'|'.join((*CODE, 'tests', 'docs', 'deploy'))})"
MOST_MODULES = 12
QUESTIONS = 20
TOO_COMMON = {"add", "and", "another", "change", "find", "from", "how", "into", "onto", "say", "the", "they", "way"}


def missing_in(text: str, folder: Path) -> list[str]:
    """Return what a page in `folder` names and the tree lacks: files, modules, tests, targets of make, links."""
    makefile = (ROOT / "Makefile").read_text()
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    return (
        [path for path in _paths(text) if not any(ROOT.glob(path))]
        + [name for name in re.findall(r"`(\w+\.(?:py|sql))`", text) if not any(_named(name))]
        + [module for module in _modules(text) if not _is_module(module)]
        + [name for name in re.findall(r"::(test_\w+)", text) if name not in _tests()]
        + [target for target in re.findall(r"(?:`|\$ )make ([a-z-]+)", text) if f"\n{target}:" not in makefile]
        + [link for link in links if not (folder / link).exists()]
    )


def _paths(text: str) -> Iterator[str]:
    for path in re.findall(rf"(?<![\w./-]){TOP}/[\w./*{{}},-]*[\w*/}}]", text):
        choices = re.search(r"\{([^}]*)\}", path)
        for choice in choices.group(1).split(",") if choices else [""]:
            yield re.sub(r"\{[^}]*\}", choice, path).rstrip("/")


def _modules(text: str) -> list[str]:
    return re.findall(r"python -m ([a-z_][\w.]*\w)", text) + re.findall(rf"`({TOP}(?:\.[a-z_]\w*)+)`", text)


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    ours = name.split(".")[0] in (*CODE, "tests") and not re.search(r"\.v\d+$", name)  # a topic has its major version
    return not ours or path.is_dir() or path.with_suffix(".py").exists()


def _named(name: str) -> Iterator[Path]:
    return (path for top in (*CODE, "tests") for path in (ROOT / top).rglob(name))


def _tests() -> set[str]:
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"def (test_\w+)", text)}


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page: str) -> None:
    assert missing_in((ROOT / page).read_text(), (ROOT / page).parent) == []


@pytest.mark.parametrize(
    "line",
    [
        "see `services/nowhere/file.py`",
        "the rooms are services/clients/{bus,nowhere}",
        "rows (`nowhere.py`)",
        "    python -m tests.bench.nowhere --flat",
        "`services.nowhere` is shared",
        "held by `tests/schemas/test_ids.py::test_that_nobody_wrote`",
        "`make nowhere` starts it",
        "[more](nowhere.md)",
    ],
)
def test_a_page_that_names_what_does_not_exist_is_told(line: str) -> None:
    assert len(missing_in(line, ROOT / "docs")) == 1


def test_every_page_is_linked_from_the_readme() -> None:
    linked = re.findall(r"\]\(([^)#\s]+)", (ROOT / "README.md").read_text())
    assert {*PAGES, "CHANGELOG.md"} - {"README.md"} <= set(linked)


def crowded(root: Path) -> list[str]:
    """Return the folders below `root` that hold too many modules side by side."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    return [str(folder) for folder in folders if len(set(folder.glob("[!_]*.py"))) > MOST_MODULES]


@pytest.mark.parametrize("package", ["stream_processors", "training"])
def test_no_room_is_crowded(package: str) -> None:
    assert crowded(ROOT / package) == []


def test_a_crowded_room_is_told(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    for number in range(MOST_MODULES + 1):
        (tmp_path / "room" / f"module_{number}.py").touch()
    assert crowded(tmp_path) == [str(tmp_path / "room")]


def questions() -> list[tuple[str, str]]:
    """Return the questions of the architecture page, each with the file that answers it."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    return re.findall(r"^\| ([^|]+) \| `([^`]+)` \|", page.split("## Where do I change X?")[1], flags=re.MULTILINE)


def words_in_common(question: str, path: str) -> int:
    """Return how many words of a question begin like a word of a path: what a newcomer sees before any code."""
    beginnings = {word[:4] for word in re.findall(r"[a-z]{3,}", path.removesuffix(".py"))}
    asked = {word[:4] for word in re.findall(r"[a-z]{3,}", question.lower()) if word not in TOO_COMMON}
    return len(asked & beginnings)


def test_the_architecture_page_answers_twenty_questions() -> None:
    assert len(dict(questions())) == QUESTIONS


@pytest.mark.parametrize(("question", "answer"), questions())
def test_no_name_in_the_tree_is_nearer_to_a_question_than_its_answer(question: str, answer: str) -> None:
    modules = [str(path.relative_to(ROOT)) for top in CODE for path in (ROOT / top).rglob("*.py")]
    assert (ROOT / answer).is_file()
    assert words_in_common(question, answer) == max(words_in_common(question, path) for path in [answer, *modules]) > 0


def test_a_name_that_tells_nothing_answers_no_question() -> None:
    assert words_in_common("replay dead letters", "services/commands/dead_letters/replay.py") == 3
    assert words_in_common("replay dead letters", "services/commands/desk.py") == 0
