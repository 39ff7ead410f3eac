"""Where the labelled texts lie: inside installed packages, which are found and never imported.

requirements-data.in names them; docs/scores.md has their licences.
"""

import csv
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def folder(package: str) -> Path:
    """Return the folder of an installed package.

    Raises:
        ModuleNotFoundError: It isn't installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package}: its texts are needed to train the heads (requirements-data.in)")
    return Path(spec.submodule_search_locations[0])


def lines(path: Path) -> list[str]:
    """Return the lines of a text file that aren't empty."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file with a header."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON Lines file."""
    for line in lines(path):
        yield json.loads(line)


def tree(path: Path) -> Any:
    """Return what a YAML or JSON file holds."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    # libyaml's safe loader where it's there: ten times as fast.
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def rows_after_comments(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file whose header comes after lines that begin with #."""
    with path.open(newline="", encoding="utf-8") as file:
        text = file.read().splitlines(keepends=True)
    start = next(number for number, line in enumerate(text) if not line.startswith("#"))
    yield from csv.DictReader(text[start:])
