"""Monitors judged on merged windows, without an engine."""

import itertools

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import from_unix_ms
from schemas.configuration import App, Configuration, Monitor, Windows
from schemas.observations import DriftMeasured, RecordedScore, ScoresRecorded, WindowClosed
from schemas.scoring import DeclaredScore, ScorerEntry
from stream_processors.monitors.alert_events import alert_changed, retraining_requested, standing_of, target_of
from stream_processors.monitors.decisions import Board, Decision
from stream_processors.monitors.firing import SILENT_WINDOWS, Standing, Target
from tests.stream_processors.builders import EPOCH, window

APPS = (App(name="guard", base_model="tiny"),)
ACCURACY = Monitor(
    name="accuracy", app="guard", metric="feedback.accuracy", window="1s", below=0.8, for_=2, min_count=10
)


def configuration(*monitors: Monitor) -> Configuration:
    return Configuration(apps=APPS, windows=Windows(length="1s", lateness="1s"), monitors=monitors)


def board_of(*monitors: Monitor, standings: dict[Target, Standing] | None = None) -> Board:
    return Board(configuration(*monitors), standings or {})


def judged(
    second: int, correct: float, *, partition: int = 0, count: float = 20.0, first: int | None = None
) -> WindowClosed:
    """Return a partial of the window that begins at a second."""
    begin = 100 * second if first is None else first
    counters = {"feedback": count, "feedback_correct": correct * count}
    return window(EPOCH + 1000 * second, partition=partition, first=begin, last=100 * second + 99, counters=counters)


def decide(board: Board, seconds: int) -> list[Decision]:
    """Return the decisions on all windows that end by a second, standings kept."""
    decisions = []
    for decision in board.decide(lambda metric: EPOCH + 1000 * seconds):
        alert = alert_changed(*decision)
        board.standings[decision.target] = standing_of(alert)
        decisions.append(decision)
    return decisions


def states(decisions: list[Decision]) -> list[str]:
    return [decision.change.state for decision in decisions]


def test_it_fires_after_the_windows_asked_for_and_resolves_with_the_first_clear_one() -> None:
    board = board_of(ACCURACY)
    for second, correct in enumerate([0.9, 0.5, 0.5, 0.5, 0.9]):
        board.put(judged(second, correct), whole_from=0)
    fired, resolved = decide(board, 5)
    assert (fired.change.state, fired.change.breached_at) == ("firing", EPOCH + 2000)
    assert (resolved.change.state, resolved.change.decided.end) == ("resolved", EPOCH + 5000)
    assert decide(board, 5) == []


def test_a_window_with_too_few_observations_neither_breaches_nor_clears() -> None:
    board = board_of(ACCURACY)
    board.put(judged(0, 0.5), whole_from=0)
    board.put(judged(1, 1.0, count=5.0), whole_from=0)
    board.put(judged(2, 0.5), whole_from=0)
    assert states(decide(board, 3)) == ["firing"]


def test_partials_of_all_partitions_make_one_window() -> None:
    board = board_of(msgspec.structs.replace(ACCURACY, for_=1))
    board.put(judged(0, 1.0, partition=0), whole_from=0)
    board.put(judged(0, 0.0, partition=1), whole_from=0)
    (fired,) = decide(board, 1)
    assert (fired.change.decided.value, fired.change.decided.count) == (0.5, 40)


def test_a_fuller_partial_corrects_its_window_without_a_second_alert() -> None:
    board = board_of(msgspec.structs.replace(ACCURACY, for_=1))
    board.put(judged(0, 0.5, first=50), whole_from=0)
    assert states(decide(board, 1)) == ["firing"]
    board.put(judged(0, 0.6, first=0), whole_from=0)
    board.put(judged(0, 1.0, first=60), whole_from=0)
    assert decide(board, 1) == []


def test_a_correction_that_completes_a_breach_fires_late() -> None:
    board = board_of(ACCURACY)
    board.put(judged(0, 0.5), whole_from=0)
    board.put(judged(1, 0.9, first=150), whole_from=0)
    assert decide(board, 2) == []
    board.put(judged(1, 0.5, first=100), whole_from=0)
    assert states(decide(board, 2)) == ["firing"]


def test_windows_that_lack_messages_after_a_restart_are_not_judged() -> None:
    board = board_of(msgspec.structs.replace(ACCURACY, window="2s", for_=1))
    board.put(judged(1, 0.0), whole_from=EPOCH + 1000)
    assert decide(board, 2) == []
    board.put(judged(2, 0.0), whole_from=EPOCH + 1000)
    assert states(decide(board, 4)) == ["firing"]


@given(ratios=st.lists(st.sampled_from([0.5, 0.9, None]), max_size=12), cut=st.integers(0, 12))
def test_a_restart_that_reads_the_kept_windows_again_tells_the_same_alerts(
    ratios: list[float | None], cut: int
) -> None:
    partials = [judged(second, ratio) for second, ratio in enumerate(ratios) if ratio is not None]
    straight = board_of(ACCURACY)
    for partial in partials:
        straight.put(partial, whole_from=0)
    expected = [alert_changed(*decision) for decision in decide(straight, len(ratios))]

    first = board_of(ACCURACY)
    for partial in partials[:cut]:
        first.put(partial, whole_from=0)
    # The clock stands where reading stood: had it gone on, ten windows without data would rightly end the alert.
    told = [alert_changed(*decision) for decision in decide(first, min(cut, len(ratios)))]
    second = board_of(ACCURACY, standings={target_of(alert): standing_of(alert) for alert in told})
    for partial in partials:
        second.put(partial, whole_from=0)
    told += [alert_changed(*decision) for decision in decide(second, len(ratios))]
    assert told == expected


@given(order=st.permutations(list(itertools.product(range(4), range(2)))))
def test_the_order_in_which_partials_come_does_not_change_the_alert(order: list[tuple[int, int]]) -> None:
    board = board_of(ACCURACY)
    for second, partition in order:
        board.put(judged(second, 0.5, partition=partition), whole_from=0)
    (decision,) = decide(board, 4)
    assert decision.change.breached_at == EPOCH + 1000


def test_a_silent_series_stays_firing_until_its_version_is_no_longer_served() -> None:
    board = board_of(msgspec.structs.replace(ACCURACY, for_=1))
    board.put(judged(0, 0.5), whole_from=0)
    decide(board, 1)
    assert decide(board, SILENT_WINDOWS) == []
    (decision,) = decide(board, SILENT_WINDOWS + 1)
    alert = alert_changed(*decision)
    assert (alert.state, alert.value) == ("resolved", None)


def scores(number: int, *some: RecordedScore) -> ScoresRecorded:
    return ScoresRecorded(
        event_id=f"scores-{number}", occurred_at=from_unix_ms(EPOCH + number), app="guard", adapter_version="v1",
        request_id=f"request-{number}", scores=some,
    )  # fmt: skip


def score(number: int, label: str, probability: float) -> ScoresRecorded:
    harm = RecordedScore(
        name="response.harm", value=0.5, label=label, scorer="head@1", sampling_probability=probability
    )
    return scores(number, harm)


def test_scores_count_once_and_weigh_as_much_as_they_stand_for() -> None:
    board = board_of(
        Monitor(name="unsafe", app="guard", metric="response.unsafe_ratio", window="1s", above=0.2, min_count=2)
    )
    for record in (score(0, "unsafe", 1.0), score(0, "unsafe", 1.0), score(1, "", 0.5)):
        board.put(record, whole_from=0)
    (decision,) = decide(board, 1)
    assert decision.change.decided.value == 1 / 3
    assert decision.change.decided.count == 2


def test_what_was_not_judged_is_no_part_of_a_ratio_and_no_zero_in_a_mean() -> None:
    board = board_of(
        Monitor(name="unsafe", app="guard", metric="response.unsafe_ratio", window="1s", above=0.5),
        Monitor(name="mean", app="guard", metric="response.harm.mean", window="1s", above=0.5),
    )
    unjudged = RecordedScore(name="response.harm", unjudged="no answer", scorer="head@1")
    judged_ = RecordedScore(name="response.harm", value=0.8, label="unsafe", scorer="head@1")
    board.put(scores(0, judged_, RecordedScore(name="response.pii", value=0.0, scorer="pii@1")), whole_from=0)
    board.put(scores(1, unjudged), whole_from=0)
    by_monitor = {decision.monitor.name: decision.change.decided for decision in decide(board, 1)}
    assert {name: (at.value, at.count) for name, at in by_monitor.items()} == {"unsafe": (1.0, 1), "mean": (0.8, 1)}


def test_a_window_in_which_nothing_was_judged_has_no_value() -> None:
    board = board_of(Monitor(name="low", app="guard", metric="response.harm.mean", window="1s", below=0.5))
    board.put(scores(0, RecordedScore(name="response.harm", unjudged="timed out", scorer="head@1")), whole_from=0)
    assert decide(board, 1) == []


def test_a_score_of_a_users_own_is_monitored_by_its_declared_label() -> None:
    entry = ScorerEntry(
        name="tone", entry_point="mine:tone", measures=(DeclaredScore(name="response.tone", flagged="rude"),)
    )
    monitor = Monitor(name="rude", app="guard", metric="response.tone_ratio", window="1s", above=0.4)
    board = Board(msgspec.structs.replace(configuration(monitor), scorers=(entry,)), {})
    for number, label in enumerate(("rude", "kind")):
        tone = RecordedScore(name="response.tone", value=0.1, label=label, scorer="tone@1")
        board.put(scores(number, tone), whole_from=0)
    (decision,) = decide(board, 1)
    assert decision.change.decided.value == 0.5


def test_a_drift_measurement_is_a_window_of_its_own() -> None:
    board = board_of(Monitor(name="drift", app="guard", metric="drift.prompt_distance.psi", above=0.25, min_count=50))
    measured = DriftMeasured(
        event_id="drift-1", occurred_at=from_unix_ms(EPOCH), app="guard", adapter_version="v1",
        metric="prompt.distance", method="PopulationStability", value=0.6, threshold=0.25, drifted=True, count=120,
        window_start=from_unix_ms(EPOCH), window_end=from_unix_ms(EPOCH + 30_000),
    )  # fmt: skip
    board.put(measured, whole_from=0)
    (decision,) = decide(board, 30)
    assert decision.change.decided.value == 0.6


def test_an_alert_and_its_order_have_ids_that_only_the_decision_determines() -> None:
    board = board_of(msgspec.structs.replace(ACCURACY, for_=1))
    board.put(judged(0, 0.5), whole_from=0)
    (decision,) = decide(board, 1)
    again = decision.change.decided
    other = decision._replace(
        change=type(decision.change)("firing", decision.change.breached_at, type(again)(again.end, 0.1, 9))
    )
    alert = alert_changed(*decision)
    assert alert.event_id == alert_changed(*other).event_id
    assert retraining_requested(alert).event_id == retraining_requested(alert_changed(*other)).event_id
