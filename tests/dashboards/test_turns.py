from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboards.steps import Step
from dashboards.timeline import chains
from dashboards.turns import CHARACTER_PX, LANES, WIDTH_PX, placed, troubles, turning_points
from tests.dashboards.rows import rows_of
from tests.dashboards.story import LENGTH, breach, records

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)
END = BEGIN + LENGTH


def test_the_chart_names_the_storys_turning_points_in_order() -> None:
    named = [step.turn for step in turning_points(chains(rows_of(records(BEGIN))), BEGIN, END)]
    assert named == [
        "Retraining ordered",
        "v1 gate passed",
        "v1 promoted",
        "Breach",
        "Retraining ordered",
        "v2 gate passed",
        "v2 canary 20\xa0%",
        "v2 canary 50\xa0%",
        "v2 promoted",
        "v3 gate refused",
        "v3 canary 20\xa0%",
        "v3 rolled back",
    ]


def test_only_turning_points_within_the_charts_time_are_named() -> None:
    told = chains(rows_of(records(BEGIN)))
    assert {step.turn for step in turning_points(told, BEGIN, BEGIN + timedelta(seconds=77))} == {
        "Retraining ordered",
        "v1 gate passed",
    }


def test_trouble_is_the_time_from_breach_to_fix() -> None:
    found = troubles(chains(rows_of(records(BEGIN))), BEGIN, END)
    assert found == [(BEGIN + timedelta(seconds=250), BEGIN + timedelta(seconds=404))]


def test_trouble_without_a_fix_lasts_until_now() -> None:
    versions = [chain for chain in chains(rows_of(breach(BEGIN))) if chain.of_version]
    assert troubles(versions, BEGIN, END) == [(BEGIN + timedelta(seconds=250), END)]


@given(st.lists(st.tuples(st.integers(0, 3600), st.integers(4, 20)), max_size=5))
def test_no_label_covers_another_or_is_crossed_by_a_later_line(moments: list[tuple[int, int]]) -> None:
    until = BEGIN + timedelta(hours=1)
    steps = [
        Step(BEGIN + timedelta(seconds=second), "", "", "act", "alerts", {}, turn="x" * length)
        for second, length in sorted(moments)
    ]
    turns, end = placed(steps, BEGIN, until)
    px = WIDTH_PX / (until - BEGIN).total_seconds()
    spots = [((t.at - BEGIN).total_seconds() * px, len(t.label) * CHARACTER_PX, t.lane) for t in turns]
    for index, (left, width, lane) in enumerate(spots):
        assert lane < LANES
        for later_left, _, later_lane in spots[index + 1 :]:
            assert later_lane > lane or later_left >= left + width
    assert all(left + width <= (end - BEGIN).total_seconds() * px for left, width, _ in spots)
