import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dashboards.reader import About, Reader, Span, Unreachable
from schemas.observations import WindowClosed
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
from stream_processors.monitors.partials import Partials, measure
from tests.dashboards.builders import APP, V1, V2
from tests.dashboards.story import LENGTH, tell
from tests.dashboards.traffic import ANSWERS_A_WINDOW, END_S, WINDOW_S, traffic

pytestmark = pytest.mark.warehouse

HOUR = Span(60, 10)
BEGIN = datetime.now(UTC).replace(microsecond=0) - LENGTH


@pytest.fixture(scope="module")
def about(warehouse: Settings) -> Iterator[About]:
    tell(warehouse, BEGIN)
    with Warehouse.connect(warehouse) as connection:
        yield Reader(connection).about(APP)


def partials(version: str) -> list[WindowClosed]:
    """Return the partials that count, as the monitors merge them."""
    merged: dict[tuple[datetime, str], Partials] = {}
    for record in traffic(BEGIN):
        if isinstance(record, WindowClosed) and record.adapter_version == version and record.variant != "shadow":
            merged.setdefault((record.window_start, record.variant), Partials()).put(record)
    return [partial for window in merged.values() for partial in window.by_source.values()]


def test_apps_are_those_with_traffic(about: About) -> None:
    assert about.reader.apps() == (APP,)


def test_a_partial_left_by_a_replay_counts_for_nothing(about: About) -> None:
    windows = about.windows(HOUR)
    answered = windows[windows["variant"] != "shadow"]["responses"].sum()
    assert answered == ANSWERS_A_WINDOW * END_S / WINDOW_S


def test_a_bucket_covers_the_windows_of_all_versions_together(about: About) -> None:
    windows = about.windows(HOUR)
    assert set(windows["covered_s"]) <= {5.0, 10.0}
    assert (windows.groupby("at")["covered_s"].nunique() == 1).all()


@pytest.mark.parametrize("version", ["", V1, V2])
@pytest.mark.parametrize("quantile", ["p50", "p95", "p99"])
def test_latencies_are_the_quantiles_of_all_observations_merged(about: About, version: str, quantile: str) -> None:
    whole = about.quantiles("latency_ms", HOUR, whole=True).set_index("adapter_version")
    expected = measure(f"latency_ms.{quantile}", partials(version))
    assert expected.value is not None
    assert math.isclose(float(str(whole.loc[version, quantile])), expected.value, rel_tol=1e-9)
    assert whole.loc[version, "count"] == expected.count


def test_a_value_that_nobody_sketched_has_no_quantiles(about: About) -> None:
    assert about.quantiles("ttft_ms", HOUR).empty


def test_training_changes_are_the_last_of_each_state_of_each_job(about: About) -> None:
    changes = about.story().training_changes
    assert len({(row["job_id"], row["state"]) for row in changes}) == len(changes)
    assert {row["step"] for row in changes if row["state"] == "training"} == {100}


def test_losses_are_in_the_order_of_their_steps(about: About) -> None:
    assert [row["step"] for row in about.losses("job-2")] == list(range(0, 101, 10))


def test_an_app_without_rows_has_empty_answers_with_their_columns(about: About) -> None:
    nobody = about.reader.about("nobody")
    assert nobody.windows(HOUR).empty
    assert {"at", "variant", "feedback"} <= set(nobody.windows(HOUR).columns)
    assert nobody.story().alerts == ()


def test_a_span_shows_nothing_older(about: About) -> None:
    whole = about.windows(HOUR)["at"]
    age = datetime.now(UTC) - (whole.min() + (whole.max() - whole.min()) / 2)
    minutes = math.ceil(age / timedelta(minutes=1))
    shown = about.windows(Span(minutes, 10))["at"]
    assert shown.min() >= datetime.now(UTC) - timedelta(minutes=minutes, seconds=15)
    assert whole.min() < shown.min() < shown.max() == whole.max()


def test_a_warehouse_that_is_down_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLOOP_WAREHOUSE_URL", "http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        Reader.connect()
