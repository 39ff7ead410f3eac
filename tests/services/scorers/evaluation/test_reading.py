"""A user's file becomes a data set, or one line says what is wrong with it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scorers.contract import Subject
from services.scorers.evaluation.examples import Labelled
from services.scorers.evaluation.labels import BAD, GOOD, UnknownLabel, bad
from services.scorers.evaluation.reading import Columns, Unreadable, read_data_set

ANY = Columns()
Rows = list[dict[str, object]]


def as_csv(rows: Rows, path: Path, delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def as_json_lines(rows: Rows, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def as_json(rows: Rows, path: Path) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def as_parquet(rows: Rows, path: Path) -> None:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


WRITERS: dict[str, Callable[[Rows, Path], None]] = {
    "rows.csv": as_csv,
    "rows.tsv": lambda rows, path: as_csv(rows, path, "\t"),
    "semicolons.csv": lambda rows, path: as_csv(rows, path, ";"),
    "rows.jsonl": as_json_lines,
    "rows.ndjson": as_json_lines,
    "rows.json": as_json,
    "rows.parquet": as_parquet,
}
each_format = pytest.mark.parametrize("name", WRITERS)


def refused(path: Path, columns: Columns = ANY) -> str:
    with pytest.raises(Unreadable) as caught:
        read_data_set(path, columns)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


@each_format
def test_every_format_gives_the_same_examples(tmp_path: Path, name: str) -> None:
    rows: Rows = [
        {"prompt": 'Hi, "you";\nthere', "answer": "Hello", "label": 0, "category": "talk", "lang": "en"},
        {"prompt": "忽略\tall", "answer": "", "label": 1, "category": "attack", "lang": "zh-CN"},
    ]
    WRITERS[name](rows, tmp_path / name)

    data = read_data_set(tmp_path / name, ANY)

    assert data.name == name
    assert data.relation == "yours"
    assert data.examples == (
        Labelled(Subject(prompt='Hi, "you";\nthere', answer="Hello"), bad=False, kind="talk", language="en"),
        Labelled(Subject(prompt="忽略\tall"), bad=True, kind="attack", language="zh"),
    )


# A NUL is no text in CSV, and a field of white space alone may be read as it likes.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(rows=st.lists(st.tuples(texts, st.booleans()), min_size=1, max_size=8))
@each_format
def test_every_text_comes_back_as_it_was_written(tmp_path: Path, name: str, rows: list[tuple[str, bool]]) -> None:
    WRITERS[name]([{"text": text, "label": int(verdict)} for text, verdict in rows], tmp_path / name)

    data = read_data_set(tmp_path / name, ANY)

    assert [(example.subject.prompt, example.bad) for example in data.examples] == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(noise=st.binary(max_size=200))
@each_format
def test_noise_is_refused_in_one_line_or_read(tmp_path: Path, name: str, noise: bytes) -> None:
    (tmp_path / name).write_bytes(noise)
    said = ""
    try:
        read_data_set(tmp_path / name, ANY)
    except Unreadable as error:
        said = str(error)
    assert len(said.splitlines()) <= 1


def test_columns_may_be_named(tmp_path: Path) -> None:
    as_csv([{"Body": "buy now", "Verdict": "spam"}, {"Body": "see you", "Verdict": "ham"}], tmp_path / "x.csv")
    columns = Columns(prompt="Body", label="Verdict", positive=("SPAM",))
    assert [e.bad for e in read_data_set(tmp_path / "x.csv", columns).examples] == [True, False]


def test_usual_names_are_found_in_any_case(tmp_path: Path) -> None:
    as_csv([{"ID": "7", "Question": "hi", "Response": "ho", "Is_Bad": "yes"}], tmp_path / "x.csv")
    (example,) = read_data_set(tmp_path / "x.csv", ANY).examples
    assert example == Labelled(Subject(prompt="hi", answer="ho"), bad=True)


def test_a_file_of_answers_alone_has_no_prompts(tmp_path: Path) -> None:
    as_csv([{"output": "hi", "label": "0"}], tmp_path / "x.csv")
    assert read_data_set(tmp_path / "x.csv", ANY).examples[0].subject == Subject(answer="hi")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbftext,label\nhi,0\n")
    assert read_data_set(tmp_path / "x.csv", ANY).examples[0].text == "hi"


def test_a_megabyte_in_a_field_is_read(tmp_path: Path) -> None:
    as_csv([{"text": "x" * 1_000_000, "label": "1"}], tmp_path / "x.csv")
    assert len(read_data_set(tmp_path / "x.csv", ANY).examples[0].text) == 1_000_000


@pytest.mark.parametrize("word", sorted(BAD))
def test_a_word_for_bad(word: str) -> None:
    assert bad(f" {word.upper()} ")


@pytest.mark.parametrize("word", sorted(GOOD))
def test_a_word_for_good(word: str) -> None:
    assert not bad(word)


@pytest.mark.parametrize(
    ("label", "verdict"), [(1, True), (0, False), (True, True), (False, False), (1.0, True), ("0.0", False)]
)
def test_numbers_and_truth_values_are_labels(label: object, verdict: bool) -> None:
    assert bad(label) is verdict


def test_a_label_that_says_neither_is_refused_unless_the_bad_ones_are_named() -> None:
    with pytest.raises(UnknownLabel, match="'spam' is neither bad nor good; say --positive"):
        bad("spam")
    assert bad("spam", ("Spam",))
    assert not bad("unsafe", ("spam",))


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("x.xlsx", "", "not a .csv, .tsv, .jsonl, .json or .parquet file"),
        ("x.csv", "", "no rows"),
        ("x.csv", "text,label\n", "no rows"),
        (
            "x.csv",
            "text,label\nhi,maybe\n",
            "row 1: label 'maybe' is neither bad nor good; say --positive LABEL for what means bad",
        ),
        ("x.csv", "text,label\nhi,0\nho,\n", "row 2: no label"),
        ("x.csv", "text,label\nhi,0,7\n", "row 1: more fields than the header names"),
        ("x.csv", "body,label\nhi,0\n", "which column is the text? It has body, label; say --text-column NAME"),
        ("x.csv", "text,verdict\nhi,0\n", "which column is the label? It has text, verdict; say --label-column NAME"),
        ("x.jsonl", '{"text": "hi", "label": 0}\n{"text": \n', "line 2: not JSON"),
        ("x.jsonl", '["hi", 0]\n', "line 1: not an object"),
        ("x.jsonl", '{"text": ["hi"], "label": 0}\n', "row 1: text is no text"),
        ("x.json", '{"text": "hi", "label": 0}', "not an array of objects; for an object a line call it .jsonl"),
        ("x.parquet", "no parquet", "not a Parquet file that can be read"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, name: str, content: str, line: str) -> None:
    (tmp_path / name).write_text(content)
    assert refused(tmp_path / name) == line


def test_a_named_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\nhi,0\n")
    assert refused(tmp_path / "x.csv", Columns(label="truth")) == "no column 'truth'; it has text, label"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path / "x.csv") == "No such file or directory"


def test_what_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"text,label\nh\xff,0\n")
    assert refused(tmp_path / "x.csv").startswith("not UTF-8 at byte")
