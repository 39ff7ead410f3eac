"""Which alerts were told twice, and which differ from those of an undisturbed judgement. Pure.

The undisturbed judgement is the monitors' own board, given all windows and scores at once and in order.
Alerts over drift measurements are only looked at for repetition.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from schemas.codec import to_unix_ms
from schemas.configuration import Configuration
from schemas.metrics import kind_of
from schemas.observations import AlertChanged, ScoresRecorded, WindowClosed
from stream_processors.monitors.alert_events import alert_changed, standing_of, target_of
from stream_processors.monitors.decisions import Board
from stream_processors.monitors.firing import Target


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with alerts and the orders they give, a line each; empty when nothing is.

    Attributes:
        revalued: Alerts told of the right window by another value, as not all of it had come by then. Not wrong.
    """

    twice: tuple[str, ...]
    unexpected: tuple[str, ...]
    missing: tuple[str, ...]
    revalued: tuple[str, ...]


def undisturbed(
    configuration: Configuration, windows: Iterable[WindowClosed], scores: Iterable[ScoresRecorded]
) -> list[AlertChanged]:
    """Return the alerts that complete windows call for."""
    board, until = Board(configuration, {}), 0
    for score in scores:
        board.put(score, whole_from=0)
    for window in windows:
        board.put(window, whole_from=0)
        until = max(until, to_unix_ms(window.window_end))
    alerts = []
    for decision in board.decide(lambda metric: until):
        alerts.append(alert_changed(*decision))
        board.standings[decision.target] = standing_of(alerts[-1])
    return alerts


def judge_alerts(
    told: Sequence[AlertChanged], expected: Sequence[AlertChanged], *, ordering: Collection[str], orders: Sequence[str]
) -> Verdict:
    """Compare the alerts that readers see, in the order in which they were told, with the expected ones.

    Args:
        ordering: Monitors whose alerts order a retraining.
        orders: The alert behind each order that readers see.
    """
    wanted = {alert.event_id: alert for alert in expected}
    by_windows = {alert.event_id: alert for alert in told if kind_of(alert.metric) != "drift"}
    owed = {alert.alert_id for alert in told if alert.state == "firing" and alert.monitor in ordering}
    given = Counter(orders)
    return Verdict(
        twice=(*_twice(told), *(f"{count} orders of alert {id_}" for id_, count in given.items() if count > 1)),
        unexpected=(
            *(_line(alert) for id_, alert in by_windows.items() if id_ not in wanted),
            *(f"order of alert {id_}" for id_ in given.keys() - owed),
        ),
        missing=(
            *(_line(alert) for id_, alert in wanted.items() if id_ not in by_windows),
            *(f"order of alert {id_}" for id_ in owed - given.keys()),
        ),
        revalued=tuple(
            f"{_line(alert)}, in the end {wanted[id_].value} of {wanted[id_].count}"
            for id_, alert in by_windows.items()
            if id_ in wanted and alert.count != wanted[id_].count
        ),
    )


def _twice(told: Sequence[AlertChanged]) -> list[str]:
    """An alert has two states, each told once, and a target's alerts take turns."""
    states = Counter((alert.alert_id, alert.state) for alert in told)
    windows = Counter((target_of(alert), alert.state, alert.window_end) for alert in told)
    lines: list[str] = []
    last: dict[Target, str] = {}
    for alert in told:
        target = target_of(alert)
        repeated = states[alert.alert_id, alert.state] > 1 or windows[target, alert.state, alert.window_end] > 1
        if repeated or last.get(target, "resolved") == alert.state:
            lines.append(_line(alert))
        last[target] = alert.state
    return lines


def _line(alert: AlertChanged) -> str:
    where = f"{alert.monitor} {alert.adapter_version}/{alert.variant}"
    times = f"breached {alert.breached_at:%H:%M:%S}, decided {alert.window_end:%H:%M:%S}"
    return f"{where} {alert.state} ({times}): {alert.value} of {alert.count}"
