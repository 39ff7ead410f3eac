"""A user's labelled file becomes a data set: CSV, JSON lines or Parquet, a row an example.

Columns are found by the names that people give them, or by flags. What is wrong is told in one line with the
file's name and the row.
"""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.scorers.contract import Subject
from services.scorers.evaluation.examples import DataSet, Labelled
from services.scorers.evaluation.labels import UnknownLabel, bad

PROMPT_NAMES = ("prompt", "text", "question", "instruction", "input", "query", "user", "message", "content")
ANSWER_NAMES = ("answer", "response", "output", "completion", "reply", "assistant")
LABEL_NAMES = ("label", "labels", "target", "is_bad", "unsafe", "harmful", "is_injection", "toxic", "class", "y")
KIND_NAMES = ("kind", "category", "source", "type")
LANGUAGE_NAMES = ("language", "lang")
LARGEST_FIELD = 64 * 1024 * 1024

Row = Mapping[str, object]


class Unreadable(Exception):
    """The file can't be used as labelled data. The message is one line: which file, which row, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of a file's columns as its owner gives them; empty ones are looked for.

    Attributes:
        positive: Labels that mean bad; without any, the words of services.scorers.evaluation.labels.
    """

    prompt: str = ""
    answer: str = ""
    label: str = ""
    kind: str = ""
    language: str = ""
    positive: tuple[str, ...] = ()


def read_data_set(path: Path, columns: Columns, *, about: Collection[str] = ()) -> DataSet:
    """Return the examples of a file.

    Args:
        path: Ends in .csv, .tsv, .jsonl, .ndjson, .json (an array) or .parquet.
        columns: Names of columns.
        about: What the labels tell, if not of whatever a scorer finds.

    Raises:
        Unreadable: No such file, another format, a column or a row that can't be read, or no row.
    """
    try:
        examples = tuple(_examples(path, columns))
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: not UTF-8 at byte {error.start}") from error
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error
    if not examples:
        raise Unreadable(f"{path}: no rows")
    return DataSet(name=path.name, relation="yours", examples=examples, about=frozenset(about))


def _examples(path: Path, columns: Columns) -> Iterator[Labelled]:
    found: Columns | None = None
    for number, row in enumerate(_rows(path), 1):
        # Rows of JSON may leave out a member; what the first one shows holds for all.
        found = found or _located(path, row, columns)
        yield _example(path, number, row, found)


def _example(path: Path, number: int, row: Row, columns: Columns) -> Labelled:
    def text(column: str) -> str:
        value = row.get(column) if column else None
        if value is not None and not isinstance(value, str | int | float):
            raise Unreadable(f"{path}: row {number}: {column} is no text")
        return "" if value is None else str(value)

    label = row.get(columns.label)
    if label is None or label == "":
        raise Unreadable(f"{path}: row {number}: no {columns.label}")
    try:
        verdict = bad(label, columns.positive)
    except UnknownLabel as error:
        raise Unreadable(f"{path}: row {number}: {error}") from error
    subject = Subject(prompt=text(columns.prompt), answer=text(columns.answer))
    return Labelled(subject, verdict, kind=text(columns.kind), language=text(columns.language).lower()[:2])


def _located(path: Path, row: Row, columns: Columns) -> Columns:
    """Return the columns by the names that the file has."""
    names = {name.strip().lower(): name for name in row}

    def find(wanted: str, usual: Iterable[str]) -> str:
        if wanted and wanted not in row:
            raise Unreadable(f"{path}: no column {wanted!r}; it has {_listed(row)}")
        return wanted or next((names[name] for name in usual if name in names), "")

    label = find(columns.label, LABEL_NAMES)
    prompt, answer = find(columns.prompt, PROMPT_NAMES), find(columns.answer, ANSWER_NAMES)
    if not label:
        raise Unreadable(f"{path}: which column is the label? It has {_listed(row)}; say --label-column NAME")
    if not prompt and not answer:
        raise Unreadable(f"{path}: which column is the text? It has {_listed(row)}; say --text-column NAME")
    return Columns(
        prompt=prompt,
        answer=answer,
        label=label,
        kind=find(columns.kind, KIND_NAMES),
        language=find(columns.language, LANGUAGE_NAMES),
        positive=columns.positive,
    )


def _listed(row: Row) -> str:
    return ", ".join(list(row)[:12]) or "none"


def _rows(path: Path) -> Iterator[Row]:
    readers = {
        ".csv": _delimited,
        ".tsv": _delimited,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".json": _json_array,
        ".parquet": _parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise Unreadable(f"{path}: not a .csv, .tsv, .jsonl, .json or .parquet file")
    return reader(path)


def _delimited(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = file.readline()
        file.seek(0)
        delimiter = max("\t;,", key=header.count)
        # The limit is the module's, of all readers of the process; a long prompt is no reason to give up.
        csv.field_size_limit(LARGEST_FIELD)
        try:
            rows = csv.DictReader(file, delimiter=delimiter, strict=True)
            for number, row in enumerate(rows, 1):
                if None in row:
                    raise Unreadable(f"{path}: row {number}: more fields than the header names")
                yield row
        except csv.Error as error:
            raise Unreadable(f"{path}: {error}") from error


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _object(path, f"line {number}", _decoded(path, f"line {number}", line))


def _json_array(path: Path) -> Iterator[Row]:
    tree = _decoded(path, "the file", path.read_text(encoding="utf-8-sig"))
    if not isinstance(tree, list):
        raise Unreadable(f"{path}: not an array of objects; for an object a line call it .jsonl")
    for number, element in enumerate(tree, 1):
        yield _object(path, f"element {number}", element)


def _decoded(path: Path, place: str, text: str) -> object:
    try:
        tree: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path}: {place}: not JSON") from error
    return tree


def _object(path: Path, place: str, element: object) -> Row:
    if not isinstance(element, dict):
        raise Unreadable(f"{path}: {place}: not an object")
    return element


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise Unreadable(f"{path}: not a Parquet file that can be read") from error
