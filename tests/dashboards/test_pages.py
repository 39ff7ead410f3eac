"""Every page through Streamlit's own test harness: with the story, empty, and with the warehouse down."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from dashboards.pages import DOWN, EMPTY, PAGES
from dashboards.views import overview
from schemas.observations import WindowClosed
from schemas.record import Record
from schemas.settings import Settings
from services.clients.warehouse.migrations import migrate
from tests.dashboards.builders import APP
from tests.dashboards.story import LENGTH, records, store, tell
from tests.dashboards.traffic import traffic
from tests.fixtures.waiting import PATIENCE_S

pytestmark = pytest.mark.warehouse

TITLES = [page.title for page in PAGES]


def _draw(title: str) -> None:
    from dashboards.pages import draw

    draw(title)


def shown(title: str) -> AppTest:
    """Return a page after its first run."""
    return AppTest.from_function(_draw, kwargs={"title": title}, default_timeout=PATIENCE_S).run()


def words(page: AppTest) -> str:
    """Return all that a page says."""
    kinds = ("title", "caption", "subheader", "info", "warning", "metric", "markdown")
    said = [f"{getattr(e, 'label', '')} {getattr(e, 'value', '')}" for kind in kinds for e in page.get(kind)]
    html = [element.proto.body for element in page.get("html")]
    labels = [block.label for block in page.expander]
    return "\n".join([*said, *html, *labels])


@pytest.fixture(scope="module")
def databases(warehouse_environment: dict[str, str]) -> dict[str, dict[str, str]]:
    """The variables that lead to databases with the story, with traffic only, with old rows only, with the
    traffic of an app of no price, with nothing."""
    found = {}
    begin = datetime.now(UTC) - LENGTH
    for name in ("story", "traffic", "old", "unpriced", "empty"):
        found[name] = {**warehouse_environment, "DRIFTLOOP_WAREHOUSE_DATABASE": f"driftloop_{name}"}
        migrate(Settings.from_environment(found[name]))
    tell(Settings.from_environment(found["story"]), begin)
    store(
        Settings.from_environment(found["old"]),
        [*list(traffic(begin - timedelta(days=2)))[:500], *records(begin - timedelta(days=2))],
    )
    store(Settings.from_environment(found["traffic"]), list(traffic(begin))[:500])
    store(Settings.from_environment(found["unpriced"]), [unpriced(record) for record in list(traffic(begin))[:500]])
    return found


def unpriced(record: Record) -> Record:
    """Return a window as it is when no answer has a price; other records as they are."""
    if not isinstance(record, WindowClosed) or "cost_usd" not in record.counters:
        return record
    counters = {name: value for name, value in record.counters.items() if name != "cost_usd"}
    return msgspec.structs.replace(record, counters={**counters, "unpriced": counters["responses"]})


def enter(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("database", "title"),
    [
        *(("story", title) for title in TITLES),
        *(("traffic", title) for title in ("Loop", "Drift", "Training & rollouts")),
        *(("old", title) for title in ("Loop", "Overview", "Safety")),
    ],
)
def test_no_page_raises(
    title: str, database: str, databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases[database])
    page = shown(title)
    assert not page.exception
    assert not page.warning


@pytest.mark.parametrize("title", TITLES)
def test_an_empty_page_says_what_is_missing(
    title: str, databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases["empty"])
    page = shown(title)
    assert not page.exception
    assert [info.value for info in page.info] == [EMPTY]


@pytest.mark.parametrize("title", ["Loop", "Training & rollouts"])
def test_a_page_stays_calm_while_the_warehouse_is_down(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLOOP_WAREHOUSE_URL", "http://127.0.0.1:9")
    page = shown(title)
    assert not page.exception
    assert [warning.value for warning in page.warning] == [DOWN]


def test_the_loop_page_tells_the_story_at_one_glance(
    databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases["story"])
    page = shown("Loop")
    metrics = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert metrics["Serving"] == ("v2", "prompt-guard-v2 answers everyone")
    assert metrics["Open alerts"] == ("0", "nothing is in breach")
    assert metrics["Last fix"] == ("154 s", "from breach to promotion")
    assert float(metrics["Accuracy now"][0].removesuffix(" %")) > 85
    labels = [expander.label for expander in page.expander]
    assert "prompt-guard-v3 taken back after 12 s at 20\xa0%" in labels[0]
    assert "Promoted\\: prompt-guard-v2" in labels[1]
    assert [expander.proto.expanded for expander in page.expander] == [True, True, False, False]


def test_the_overview_shows_merged_numbers(
    databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases["story"])
    page = shown("Overview")
    assert {metric.label: metric.value for metric in page.metric}["Answers"] == "4,480"
    table = page.dataframe[0].value
    assert list(table["version"]) == ["base model", f"{APP}-v1", f"{APP}-v2", f"{APP}-v3"]
    judged = page.dataframe[1].value
    assert list(judged["accuracy"]) == list(table["accuracy"])
    assert judged["rating"].isna().all()


def test_a_cost_that_nobody_knows_is_shown_as_unknown_and_not_as_0(
    databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases["unpriced"])
    page = shown("Overview")
    assert not page.exception
    assert {metric.label: metric.value for metric in page.metric}["Cost"] == "unknown"
    assert set(page.dataframe[0].value["cost"]) == {"unknown"}
    enter(monkeypatch, databases["story"])
    page = shown("Overview")
    assert {metric.label: metric.value for metric in page.metric}["Cost"] == "0.0112 USD"
    assert set(page.dataframe[0].value["cost"]) == {"0.0025"}


def test_a_cost_known_in_part_is_a_lower_bound() -> None:
    assert overview.cost_of(100, 1, 0.5) == "at least 0.5000 USD"
    assert overview.cost_of(100, 0, 0.0) == "0.0000 USD"


def test_the_training_page_tells_of_each_version_that_is_chosen(
    databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases["story"])
    page = shown("Training & rollouts")
    assert "Gate: refused" in words(page)
    page.selectbox(key="training-version").select(f"{APP}-v2").run()
    assert not page.exception
    assert "Gate: passed" in words(page)
    rollout = page.table[-1].value
    assert "v1 80\xa0%, v2 canary 20\xa0%" in list(rollout["who answers"])


def test_the_drift_page_names_when_it_began(
    databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases["story"])
    metrics = {metric.label: metric.value for metric in shown("Drift").metric}
    assert metrics["First drift in this span"] != "never"
    assert float(metrics["Highest PSI"]) > 0.8


def test_a_choice_of_span_survives_a_refresh(
    databases: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, databases["story"])
    page = shown("Overview")
    page.segmented_control(key="span").select("6 hours").run()
    page.run()
    assert page.segmented_control(key="span").value == "6 hours"
