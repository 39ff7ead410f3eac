"""The Safety and Quality pages: their questions against the records themselves, and what a person sees."""

import doctest
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboards.reader import Reader, Span
from dashboards.scores import changes, shown_text, trying
from dashboards.scores import rates as score_rates
from dashboards.scores.changes import changes_of
from dashboards.scores.rates import percent, rates
from dashboards.scores.reader import ScoreReader
from dashboards.scores.trying import try_scorers
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.settings import Settings
from schemas.weighted_rates import WeightedSums, hajek
from services.clients.warehouse.client import Warehouse
from services.clients.warehouse.migrations import migrate
from tests.dashboards.builders import APP, V1, V2
from tests.dashboards.judged import CHANGED_AFTER, COUNT, GUARD, HEAD, REST, SECRET, judged
from tests.dashboards.story import store
from tests.fixtures.waiting import PATIENCE_S

HOUR = Span(60, 10)
BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=COUNT + 30)


@pytest.fixture(scope="module")
def environment(warehouse_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A database with the judged answers, and a deployment with scorers of the test's own."""
    folder = tmp_path_factory.mktemp("deployment")
    (folder / "driftloop.yaml").write_text(CONFIGURATION)
    found = {
        **warehouse_environment,
        "DRIFTLOOP_WAREHOUSE_DATABASE": "driftloop_judged",
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "DRIFTLOOP_DATA": str(folder),
    }
    migrate(Settings.from_environment(found))
    store(Settings.from_environment(found), judged(BEGIN))
    return found


CONFIGURATION = f"""
apps: [{{name: {APP}, base_model: tiny}}]
scorers:
  - {{name: injection-head, enabled: false}}
  - {{name: harm-head, enabled: false}}
  - {{name: pii-patterns, enabled: false}}
  - {{name: answer-harm-head, enabled: false}}
  - {{name: answer-pii-patterns, enabled: false}}
  - {{name: reference-distance, enabled: false}}
  - name: suspect
    entry_point: "tests.stream_processors.scoring.sampled:suspecting"
    measures: [{{name: prompt.suspect, flagged: unsafe}}]
  - name: watchman
    process: guard
    entry_point: "tests.stream_processors.scoring.sampled:guarding"
    measures: [{{name: prompt.watchman, flagged: unsafe}}]
"""


@pytest.fixture(scope="module")
def reader(environment: dict[str, str]) -> Iterator[ScoreReader]:
    with Warehouse.connect(Settings.from_environment(environment)) as connection:
        yield ScoreReader(Reader(connection).about(APP), HOUR)


def told(name: str, version: str, scorer: str = "") -> list[RecordedScore]:
    """Return the scores of a name as they were recorded for users."""
    messages = [r for r in judged(BEGIN) if isinstance(r, ScoresRecorded) and r.variant != "shadow"]
    scores = [score for message in messages if message.adapter_version == version for score in message.scores]
    return [score for score in scores if score.name == name and (not scorer or score.scorer == scorer)]


def of(frame: pd.DataFrame, **where: str) -> dict[str, float]:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    (row,) = frame.to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_examples_hold() -> None:
    assert doctest.testmod(score_rates).failed == 0
    assert doctest.testmod(changes).failed == 0


@pytest.mark.warehouse
@pytest.mark.parametrize("version", [V1, V2])
def test_a_sampled_rate_is_the_weighted_one_with_its_interval(reader: ScoreReader, version: str) -> None:
    sums = WeightedSums()
    for score in told("prompt.watchman", version):
        sums.add(hit=score.label == "unsafe", probability=score.sampling_probability)
    expected = hajek(sums)
    found = of(
        rates(reader.sums(["prompt.watchman"]), ["scorer", "adapter_version"], "unsafe"),
        scorer=GUARD,
        adapter_version=version,
    )
    assert (found["rate"], found["low"], found["high"], found["count"]) == pytest.approx(
        (expected.rate, expected.low, expected.high, expected.count)
    )
    assert expected.rate < sums.hits / sums.count, "the share of what was judged would be another one"


@pytest.mark.warehouse
def test_versions_of_a_scorer_are_never_one_row(reader: ScoreReader) -> None:
    found = rates(reader.sums(["prompt.injection"]), ["scorer", "adapter_version"], "unsafe")
    assert [(row["scorer"], row["adapter_version"], row["count"]) for row in found.to_dict("records")] == [
        (HEAD, V1, 120),
        (HEAD, V2, 60),
        ("injection-head@2", V2, 60),
    ]


@pytest.mark.warehouse
def test_a_scorers_new_version_is_a_mark_on_its_scores_alone(reader: ScoreReader) -> None:
    found = changes_of("prompt.injection", reader.scorer_changes(), [HEAD, "injection-head@2"])
    assert found.to_dict("records") == [
        {
            "at": pd.Timestamp(BEGIN + CHANGED_AFTER),
            "label": "injection-head 1 → 2",
            "told": "mean +0.05 on 40 fixed texts, 10% of the labels changed",
        }
    ]
    assert changes_of("prompt.watchman", reader.scorer_changes(), [GUARD]).empty


@pytest.mark.warehouse
def test_what_was_not_judged_is_no_part_of_a_rate_and_has_its_reason(reader: ScoreReader) -> None:
    found = rates(reader.sums(["response.pii"]), ["scorer", "adapter_version"], "")
    values = [score.value for score in told("response.pii", V1) if score.value is not None]
    assert of(found, adapter_version=V1)["mean"] == pytest.approx(sum(values) / len(values))
    (reason,) = reader.reasons(["response.pii"]).to_dict("records")
    assert (reason["reason"], reason["calls"]) == ("no answer", COUNT // 10)


@pytest.mark.warehouse
def test_buckets_add_up_to_the_whole(reader: ScoreReader) -> None:
    whole, parts = reader.sums(["prompt.watchman"]), reader.over_time("prompt.watchman")
    assert len(parts) > len(whole)
    assert parts["weight"].sum() == pytest.approx(whole["weight"].sum())


@pytest.mark.warehouse
def test_categories_stand_for_the_calls_that_were_not_drawn_too(reader: ScoreReader) -> None:
    (row,) = reader.categories(["prompt.watchman"]).to_dict("records")
    unsafe = [score for version in (V1, V2) for score in told("prompt.watchman", version) if score.categories]
    assert (row["category"], row["count"]) == ("violent-crimes", len(unsafe))
    assert row["estimated"] == pytest.approx(sum(1 / score.sampling_probability for score in unsafe))


@pytest.mark.warehouse
def test_a_distribution_holds_every_value_once(reader: ScoreReader) -> None:
    found = reader.distribution("pair.relevance")
    assert found["estimated"].sum() == COUNT
    assert found["middle"].between(0, 0.95).all()
    one_value = reader.distribution("response.pii")
    assert one_value["estimated"].sum() == COUNT - COUNT // 10


@pytest.mark.warehouse
def test_health_tells_calls_time_and_chance_of_each_version(reader: ScoreReader) -> None:
    row = of(reader.health(["prompt.watchman", "prompt.injection"]), scorer=GUARD)
    guarded = [*told("prompt.watchman", V1), *told("prompt.watchman", V2)]
    assert (row["calls"], row["judged"], row["unjudged"]) == (len(guarded), len(guarded), 0)
    assert row["busy_s"] == pytest.approx(0.12 * len(guarded))
    assert row["least_chance"] == REST
    assert row["mean_chance"] == pytest.approx(len(guarded) / sum(1 / s.sampling_probability for s in guarded))
    assert reader.answered() == COUNT
    sampling = of(reader.sampling(), scorer="watchman")
    assert (sampling["suspicious"], sampling["rest"], sampling["usd_today"]) == (1.0, REST, 0.5)


@pytest.mark.warehouse
def test_examples_come_from_the_end_that_one_asks_for(reader: ScoreReader) -> None:
    high, low = (reader.examples("pair.relevance", highest=end) for end in (True, False))
    assert set(high["value"]) == {0.95}
    assert set(low["value"]) == {0.0}
    assert high["messages"].str.contains("question").all()


def test_a_shown_text_is_masked_and_cut() -> None:
    assert shown_text.shown(f"mail {SECRET}") == "mail [EMAIL]"
    assert len(shown_text.shown("word " * 5_000)) < 420
    assert shown_text.prompt_of(None) == shown_text.answer_of("null") == ""


def _draw(title: str) -> None:
    from dashboards.pages import draw

    draw(title)


def page_of(title: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    page = AppTest.from_function(_draw, kwargs={"title": title}, default_timeout=PATIENCE_S).run()
    assert not page.exception
    return page


@pytest.mark.warehouse
def test_the_safety_page_shows_rates_with_intervals_and_masked_examples(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of("Safety", environment, monkeypatch)
    table = page.dataframe[0].value
    assert set(table["score"]) == {"prompt.injection", "prompt.watchman", "response.pii"}
    guard = table[(table["score"] == "prompt.watchman") & (table["adapter version"] == V1)].iloc[0]
    assert guard["rate"].endswith("%")
    assert " to " in guard["95 % interval"]
    everything = " ".join(frame.value.to_string() for frame in page.dataframe)
    assert "[EMAIL]" in everything
    assert SECRET not in everything
    assert "violent-crimes" in everything
    assert percent(1.0) + " suspicious, " + percent(REST) + " rest" in everything


@pytest.mark.warehouse
def test_the_course_of_a_score_has_a_mark_where_its_scorer_changed(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of("Safety", environment, monkeypatch)
    assert "injection-head 1 → 2" in " ".join(caption.value for caption in page.caption)
    assert [kind for kind in marks(page) if kind == "rule"] == ["rule"]
    page.selectbox(key="safety-score").select("prompt.watchman").run()
    assert "rule" not in marks(page)
    assert "→" not in " ".join(caption.value for caption in page.caption)


def marks(page: AppTest) -> list[str]:
    """Return the kinds of marks in the page's charts."""
    specs = [json.loads(chart.proto.spec) for chart in page.get("vega_lite_chart")]
    assert specs
    return [kind for spec in specs for kind in _kinds(spec)]


def _kinds(spec: dict[str, Any]) -> Iterator[str]:
    if "mark" in spec:
        yield spec["mark"]["type"]
    for layer in spec.get("layer", ()):
        yield from _kinds(layer)


@pytest.mark.warehouse
def test_the_quality_page_shows_what_is_no_matter_of_safety(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of("Quality", environment, monkeypatch)
    assert set(page.dataframe[0].value["score"]) == {"pair.relevance"}


@pytest.mark.warehouse
def test_a_pasted_text_is_scored_by_the_cheap_scorers_and_by_guards_if_one_asks(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of("Safety", environment, monkeypatch)
    page.text_area(key="safety-prompt").set_value("an odd and bad thing")
    page.button(key="safety-go").click().run()
    assert not page.exception
    assert list(page.table[-1].value["score"]) == ["prompt.suspect"]
    assert list(page.table[-1].value["label"]) == ["unsafe"]
    page.checkbox(key="safety-guards").check()
    page.button(key="safety-go").click().run()
    assert list(page.table[-1].value["score"]) == ["prompt.suspect", "prompt.watchman"]


def test_without_a_configuration_there_is_nothing_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLOOP_CONFIG", str(tmp_path / "none.yaml"))
    assert not trying.has_guards(APP)
    with pytest.raises(trying.NothingToTry, match="none"):
        try_scorers(APP, prompt="a", answer="")
