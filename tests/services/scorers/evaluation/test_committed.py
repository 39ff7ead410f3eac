"""The gate tells a figure that has left its interval, and the page tells what is committed."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from services.scorers.evaluation.committed import (
    Committed,
    breaches,
    compute,
    gate_results,
    read_committed,
    write_committed,
)
from services.scorers.evaluation.examples import DataSet
from services.scorers.evaluation.page import NOT_MEASURED, main, page_of
from tests.services.scorers.evaluation.toys import Oracle, data_set

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def graded(shift: float = 0.0) -> list[DataSet]:
    bad = [f"{min(1.0, max(0.0, 0.3 + i / 150 + shift)):.4f} bad {i}" for i in range(100)]
    good = [f"{i / 160:.4f} good {i}" for i in range(100)]
    return [data_set(bad, good), data_set([], [f"{i / 200:.4f} talk" for i in range(150)], name="chat")]


def committed() -> Committed:
    return compute([Oracle([])], [Oracle([]).card], graded(), at=AT, machine="2 cores")


def test_the_same_scorer_on_the_same_data_keeps_every_figure() -> None:
    assert breaches(committed().gate, gate_results(Oracle([]), graded(), most=committed().gate_examples)) == []


def test_a_scorer_that_has_become_worse_is_told_with_the_figure_and_its_interval() -> None:
    worse = gate_results(Oracle([]), graded(shift=-0.25), most=240)
    lines = breaches(committed().gate, worse)
    assert any(line.startswith("oracle: prompt.danger on toys: auc is 0.") and "outside 0." in line for line in lines)


def test_a_scorer_that_has_become_better_is_told_too_so_that_the_figures_are_computed_again() -> None:
    assert breaches(committed().gate, gate_results(Oracle([]), graded(shift=0.4), most=240))


def test_what_is_computed_no_more_is_told() -> None:
    assert breaches(committed().gate, []) == [
        "oracle: prompt.danger on toys: is computed no more",
        "oracle: prompt.danger on chat: is computed no more",
    ]


def test_a_figure_that_is_computed_no_more_is_told() -> None:
    found = [msgspec.structs.replace(result, figures={}) for result in committed().gate]
    assert "oracle: prompt.danger on toys: auc is computed no more" in breaches(committed().gate, found)


def test_the_file_comes_back_rounded_and_has_a_line_a_result(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_committed(committed(), path)
    again = read_committed(path)

    write_committed(again, tmp_path / "again.json")

    assert (tmp_path / "again.json").read_text() == path.read_text()
    assert abs(again.gate[0].figures["auc"].value - committed().gate[0].figures["auc"].value) < 1e-4
    assert sum('"figures"' in line for line in path.read_text().splitlines()) == len(again.gate) + len(again.published)


def test_the_page_has_a_section_with_tables_for_a_scorer(tmp_path: Path) -> None:
    page = page_of(committed())
    assert "\n## oracle\n" in page
    assert "A test | of pages." in page
    assert "| `prompt.danger` | probability | higher is worse | safe, doubtful, unsafe |" in page
    assert "| `prompt.danger` | toys | 200 | 100 | 0 |" in page
    assert "| `prompt.danger` | chat | 150 | " in page


def test_a_scorer_without_labelled_data_is_said_to_have_no_known_error() -> None:
    assert NOT_MEASURED in page_of(compute([], [Oracle([]).card], [], at=AT, machine="2 cores"))


def test_the_page_is_written_by_its_module(tmp_path: Path) -> None:
    write_committed(committed(), tmp_path / "figures.json")
    assert main([str(tmp_path / "figures.json"), str(tmp_path / "scores.md")]) == 0
    assert (tmp_path / "scores.md").read_text() == page_of(read_committed(tmp_path / "figures.json"))
    assert main([]) == 2
