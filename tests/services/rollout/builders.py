"""Builders of what the rollout tests push in."""

from datetime import UTC, datetime, timedelta

from schemas.learning import AdapterTrained, GateReport, Lineage, RolloutOrdered
from schemas.observations import Sketch, WindowClosed
from schemas.record import Variant
from schemas.rollout_policy import RolloutPolicy
from schemas.sketches import Accumulator
from services.rollout.figures import Figures

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
APP = "prompt-guard"
POLICY = RolloutPolicy(app=APP, shadow_for="10s", step_for="10s", give_up_after="10m", min_count=30)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def trained(version: str, *, passed: bool = True, uri: str = "", event: str = "") -> AdapterTrained:
    return AdapterTrained(
        event_id=event or f"trained-{version}",
        occurred_at=START,
        app=APP,
        model="tiny",
        adapter_version=version,
        job_id=f"job-{version}",
        artifact_uri=uri or f"/artifacts/{version}",
        gate=GateReport(passed=passed, reasons=() if passed else ("worse on recent",), slices=()),
        lineage=Lineage(),
    )


def ordered(version: str, action: str = "start", *, override: bool = False, order: str = "order-1") -> RolloutOrdered:
    assert action in ("start", "roll_back")
    return RolloutOrdered(
        event_id=f"event-{order}",
        occurred_at=START,
        app=APP,
        adapter_version=version,
        order_id=order,
        action="start" if action == "start" else "roll_back",
        ordered_by="ada",
        override_gate=override,
        reason="by hand",
    )


def judged(count: int, accuracy: float, *, errors: int = 0, latency: Sketch | None = None) -> Figures:
    return Figures(responses=count, errors=errors, judged=count, correct=round(count * accuracy), latency=latency)


def window(
    version: str, variant: Variant, begins_s: float, *, correct: int, count: int, first: int = 0
) -> WindowClosed:
    return WindowClosed(
        event_id=f"{version}-{variant}-{begins_s}-{first}",
        occurred_at=at(begins_s + 7),
        app=APP,
        model="tiny",
        adapter_version=version,
        variant=variant,
        window_start=at(begins_s),
        window_end=at(begins_s + 5),
        source_topic="inference.responded.v1",
        source_partition=0,
        first_offset=first,
        last_offset=first + count,
        counters={"responses": count, "feedback": count, "feedback_correct": correct},
    )


def sketch_of(values: list[float]) -> Sketch:
    """A sketch of values."""
    accumulator = Accumulator()
    for value in values:
        accumulator.add(value)
    return accumulator.sketch()
