"""One complete performance as records: a first version, a shift and its fix, a bad version taken back.

Seconds of the story: 0 the base serves; 78 version 1; 240 traffic shifts; 250 breach; 404 version 2
promoted; 470 version 3 proposed; 515 version 3 taken back; 560 the end.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count

from schemas.learning import AdapterProposed, Lineage, RetrainingRequested, RolloutOrdered, RolloutState
from schemas.observations import AlertDelivered
from schemas.record import Record
from schemas.settings import Settings
from schemas.tables import TABLE_BY_TOPIC, Position
from schemas.topics import topic_of
from services.clients.warehouse.client import Warehouse
from tests.dashboards.builders import (
    ACCURACY_ALERT,
    DRIFT_ALERT,
    FIRST_ORDER,
    OFFSETS,
    PROPOSAL,
    SECOND_ORDER,
    V1,
    V2,
    V3,
    about,
    adapter,
    alert,
    change,
    gate_report,
    learnt,
    rollout,
    routing_table,
    stable_route,
    training,
)
from tests.dashboards.traffic import traffic

LENGTH = timedelta(seconds=560)
SERVED_AFTER_S = 154


def tell(settings: Settings, begin: datetime) -> None:
    """Store the whole story, as the sink would, beginning at an instant."""
    store(settings, [*traffic(begin), *records(begin)])
    letters = [
        (name, "id", 0, 7, "malformed JSON", "", "{", begin + timedelta(seconds=250), "id-dead", 0, place, begin)
        for place, name in enumerate(("inference.requested.v1", "inference.responded.v1", "feedback.given.v1"))
    ]
    columns = ["source_topic", "source_topic_id", "source_partition", "source_offset", "reason", "key", "value"]
    with Warehouse.connect(settings) as warehouse:
        warehouse.insert(
            "dead_letters", [*columns, "occurred_at", "topic_id", "partition", "offset", "recorded_at"], letters
        )


def store(settings: Settings, told: Iterable[Record]) -> None:
    """Insert records into their tables."""
    by_topic: dict[str, list[Record]] = defaultdict(list)
    for record in told:
        by_topic[topic_of(record).name].append(record)
    with Warehouse.connect(settings) as warehouse:
        for topic, group in by_topic.items():
            table = TABLE_BY_TOPIC[topic]
            offsets = count()
            rows = [
                row
                for record in group
                for row in table.rows(record, Position("id", 0, next(offsets)), record.occurred_at)
            ]
            warehouse.insert(table.name, [column.name for column in table.columns], rows)


def records(begin: datetime) -> list[Record]:
    """Return what the loop did, in order of time."""
    told = [*first_version(begin), *breach(begin), *second_version(begin), *recovery(begin), *third_version(begin)]
    return sorted(told, key=lambda record: record.occurred_at)


def first_version(begin: datetime) -> Iterator[Record]:
    """Version 1, ordered by hand, promoted at 78 s."""
    yield RetrainingRequested(
        **about(begin, 5, "", "first order"),
        retraining_id=FIRST_ORDER,
        requested_by="demo",
        reason="first version from imported history",
    )
    yield from training(begin, 6, V1, retraining_id=FIRST_ORDER, job_id="job-1")
    yield adapter(
        begin,
        75,
        V1,
        gate_report(True, ((96, 52), None)),
        job_id="job-1",
        lineage=Lineage(**learnt(1), retraining_id=FIRST_ORDER),
    )
    yield change(begin, 75.1, V1, "finished", retraining_id=FIRST_ORDER, job_id="job-1", detail="gate passed")
    moves = ((75.2, RolloutState.LOADING, "begins"), (78, RolloutState.PROMOTED, "first version: nothing to compare"))
    for sequence, (second, state, reason) in enumerate(moves, 1):
        served = V1 if state is RolloutState.PROMOTED else ""
        yield rollout(begin, second, V1, state, sequence=sequence, routes=(stable_route(served, 1.0),), reason=reason)


def breach(begin: datetime) -> Iterator[Record]:
    """Two monitors fire at 260 s; one orders a retraining."""
    yield alert(begin, 260, "accuracy-drop", "firing", 0.61)
    yield alert(begin, 260, "prompts-drift", "firing", 1.08)
    for second, subscription, channel, which in (
        (261.4, "on-call", "webhook", ACCURACY_ALERT),
        (261.5, "terminal", "console", ACCURACY_ALERT),
        (261.6, "on-call", "webhook", DRIFT_ALERT),
    ):
        yield AlertDelivered(
            **about(begin, second, V1, f"delivery {subscription} {which}"),
            alert_id=which,
            alert_state="firing",
            subscription=subscription,
            channel=channel,
            attempts=1,
            delivered=True,
        )
    yield RetrainingRequested(
        **about(begin, 260, V1, "second order"),
        retraining_id=SECOND_ORDER,
        alert_id=ACCURACY_ALERT,
        monitor="accuracy-drop",
        reason="feedback.accuracy 0.61 over 71, below 0.85 for 2 windows of 10s",
    )


def second_version(begin: datetime) -> Iterator[Record]:
    """Version 2: trained, gated, shadowed, canaried, promoted at 404 s."""
    yield from training(begin, 261, V2, retraining_id=SECOND_ORDER, job_id="job-2")
    report = gate_report(True, ((91, 62), (94, 96)), slices=(("benign look-alikes", 44, 47), ("harmful", 47, 15)))
    lineage = Lineage(
        **learnt(2), alert_id=ACCURACY_ALERT, retraining_id=SECOND_ORDER, parent_version=V1, offsets=OFFSETS
    )
    yield adapter(begin, 368, V2, report, job_id="job-2", lineage=lineage)
    yield change(begin, 368.1, V2, "finished", retraining_id=SECOND_ORDER, job_id="job-2", detail="gate passed")
    moves = (
        (368.4, RolloutState.LOADING, 0, 0.0, "begins"),
        (370, RolloutState.SHADOW, 0, 0.0, "loaded on every replica"),
        (382, RolloutState.CANARY, 0, 0.2, "41 mirrored answers judged, none worse than allowed"),
        (393, RolloutState.CANARY, 1, 0.5, "passed step 0: accuracy 0.929 against stable's 0.610"),
        (404, RolloutState.PROMOTED, 0, 1.0, "passed every canary step: accuracy 0.918 against stable's 0.603"),
    )
    for sequence, (second, state, step, share, reason) in enumerate(moves, 3):
        routes = routing_table(state, V1, V2, share)
        yield rollout(begin, second, V2, state, sequence=sequence, routes=routes, reason=reason, step=step)


def recovery(begin: datetime) -> Iterator[Record]:
    """The alerts on version 1 end: it answers no more."""
    yield alert(begin, 420, "accuracy-drop", "resolved", None)
    yield alert(begin, 420, "prompts-drift", "resolved", None)


def third_version(begin: datetime) -> Iterator[Record]:
    """Version 3: proposed from outside, refused by the gate, forced by an operator, taken back at 515 s."""
    yield AdapterProposed(
        **about(begin, 470, "", "proposal"),
        proposal_id=PROPOSAL,
        artifact_uri="file:///srv/driftloop/flipped",
        proposed_by="demo",
        reason="labels flipped on purpose",
    )
    for second, state, detail in (
        (471, "curating", f"proposal taken up as {V3}"),
        (474, "evaluating", f"on 240 held-out prompts against {V2}"),
    ):
        yield change(begin, second, V3, state, job_id=PROPOSAL, detail=detail)
    report = gate_report(False, ((31, 91), (22, 94)), slices=(("benign look-alikes", 12, 44),))
    yield change(begin, 486.1, V3, "finished", job_id=PROPOSAL, detail="gate refused")
    yield adapter(begin, 486, V3, report, job_id=PROPOSAL, lineage=Lineage(parent_version=V2))
    refused = "the gate refused it: " + "; ".join(report.reasons)
    yield rollout(
        begin, 486.3, V3, RolloutState.REFUSED, sequence=8, routes=(stable_route(V2, 1.0),), reason=refused, previous=V2
    )
    yield RolloutOrdered(
        **about(begin, 490, V3, "force"),
        order_id="force-v3",
        action="start",
        ordered_by="demo",
        override_gate=True,
        reason="forced past the gate on purpose",
    )
    worse = "accuracy 0.190 of 42 is below stable's 0.918 of 133: the difference is at most -0.41, allowed is -0.08"
    moves = (
        (490.4, RolloutState.LOADING, 0.0, "ordered by demo past the gate"),
        (492, RolloutState.SHADOW, 0.0, "loaded on every replica"),
        (503, RolloutState.CANARY, 0.2, "shadow's time is over; ordered by demo"),
        (515, RolloutState.ROLLED_BACK, 0.0, worse),
    )
    for sequence, (moment, state, share, reason) in enumerate(moves, 9):
        routes = routing_table(state, V2, V3, share)
        yield rollout(begin, moment, V3, state, sequence=sequence, routes=routes, reason=reason, previous=V2, by="demo")
