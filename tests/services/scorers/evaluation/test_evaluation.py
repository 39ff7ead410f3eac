"""A scorer is run over labelled data: what it judged has figures, what it did not judge is counted."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from schemas.codec import decode, encode
from services.scorers.evaluation.evaluation import BATCH, WARM_UP, Detail, evaluate
from services.scorers.evaluation.results import Evaluation, described, json_of, records_of, save
from tests.services.scorers.evaluation.toys import Oracle, data_set

FEW = Detail(resamples=50)
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_figures_are_of_what_was_judged() -> None:
    data = data_set(["0.9 a", "0.6 b", "0.2 c"], ["0.1 d", "0.7 e", "none f"])

    (whole,) = evaluate(Oracle([]), data, detail=FEW)

    assert (whole.scorer, whole.version, whole.measure) == ("oracle", "1", "prompt.danger")
    assert (whole.examples, whole.bad, whole.unjudged) == (5, 3, 1)
    assert whole.figures["auc"].value == pytest.approx(4 / 6)
    assert whole.figures["recall"].value == pytest.approx(1 / 3)
    assert whole.figures["false_alarms"].value == 0
    assert whole.data_hash == data.digest
    assert whole.texts_per_second is not None


def test_a_measure_of_which_more_is_better_is_turned() -> None:
    data = data_set(["0.1 a", "0.2 b"], ["0.9 c", "0.3 d"])
    (whole,) = evaluate(Oracle([], direction="higher is better"), data, detail=FEW)
    assert whole.figures["auc"].value == 1
    assert whole.figures["brier"].value == pytest.approx((0.01 + 0.04 + 0.01 + 0.49) / 4)


def test_slices_are_told_when_they_are_large_enough() -> None:
    data = data_set(["0.9 x"] * 40, ["0.1 x"] * 40 + ["0.1 and a rather long harmless text in English"] * 35)

    results = evaluate(Oracle([]), data, detail=FEW)

    sliced = {(result.sliced_by, result.slice): result.examples for result in results[1:]}
    assert sliced[("kind", "attack")] == 40
    assert sliced[("length", "up to 16")] == 80
    assert sliced[("language", "en")] == 35
    assert all(result.texts_per_second is None for result in results[1:])


def test_a_scorer_gets_batches_and_progress_is_told() -> None:
    oracle, told = Oracle([]), list[int]()
    evaluate(oracle, data_set(["0.9"] * 100, ["0.1"] * 50), detail=FEW, advance=told.append)
    assert oracle.asked == [WARM_UP, BATCH, BATCH, 150 - 2 * BATCH]
    assert sum(told) == 150


def test_a_measure_that_is_not_wanted_or_not_labelled_is_not_computed() -> None:
    oracle = Oracle([])
    assert evaluate(oracle, data_set(["0.9"], ["0.1"]), only=frozenset(("prompt.other",))) == []
    assert oracle.asked == []


def test_a_scorer_that_can_judge_nothing_has_no_results() -> None:
    assert evaluate(Oracle([]), data_set(["what"], ["ever"]), detail=FEW) == []


def evaluation() -> Evaluation:
    oracle = Oracle([])
    results = evaluate(oracle, data_set(["0.9"] * 40, ["0.1 some text"] * 40), detail=FEW)
    return Evaluation(
        id="0197a3c2-7d00-7000-8000-0123456789ab",
        at=AT,
        resamples=50,
        seed=7,
        scorers=described([oracle.card]),
        results=tuple(results),
    )


def test_a_kept_evaluation_is_read_back(tmp_path: Path) -> None:
    one = evaluation()
    kept = save(one, tmp_path)
    assert kept == tmp_path / "evaluations" / "20260131T120000Z-0197a3c2.json"
    assert msgspec.json.decode(kept.read_bytes(), type=Evaluation) == one


def test_every_result_is_an_event_of_its_own_that_survives_the_wire() -> None:
    one = evaluation()
    records = list(records_of(one))
    assert len({record.event_id for record in records}) == len(one.results) > 2
    assert [decode("scorers.evaluated.v1", encode(record), AT) for record in records] == records
    assert [record.event_id for record in records_of(one)] == [record.event_id for record in records]
    assert all(record.app == "*" for record in records)


def test_no_text_of_the_data_is_kept() -> None:
    assert b"some text" not in json_of(evaluation())


def test_the_label_that_means_bad_may_be_named() -> None:
    data = data_set(["0.9 a", "0.6 b", "0.2 c"], ["0.1 d", "0.7 e"])
    (whole,) = evaluate(Oracle([]), data, flagging={"prompt.danger": "doubtful"}, detail=FEW)
    assert whole.figures["recall"].value == pytest.approx(1 / 3)
    assert whole.figures["false_alarms"].value == 0.5


def test_without_a_label_that_means_bad_nothing_is_said_of_a_threshold() -> None:
    data = data_set(["0.9 a"], ["0.1 d"])
    (whole,) = evaluate(Oracle([]), data, flagging={"prompt.danger": "rude"}, detail=FEW)
    assert "auc" in whole.figures
    assert not {"recall", "precision", "f1", "false_alarms"} & whole.figures.keys()
