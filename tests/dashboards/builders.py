"""Builders of the story's records: an instant of the beginning, seconds of the story, and what is special."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from schemas.ids import derived_id
from schemas.learning import (
    AdapterTrained,
    GateReport,
    Lineage,
    RolloutChanged,
    RolloutState,
    Route,
    SliceResult,
    TrainingChanged,
)
from schemas.observations import AlertChanged
from schemas.proportions import accuracy
from schemas.record import Record

APP = "prompt-guard"
MODEL = "SmolLM2-135M-Instruct"
V1, V2, V3 = (f"{APP}-v{number}" for number in (1, 2, 3))
ACCURACY_ALERT = derived_id("alert", "accuracy-drop")
DRIFT_ALERT = derived_id("alert", "prompts-drift")
FIRST_ORDER = derived_id("order", "first")
SECOND_ORDER = derived_id("order", "second")
PROPOSAL = derived_id("proposal", "flipped")
OFFSETS = {"inference.requested.v1/0": 8120, "inference.requested.v1/1": 8044}
GATE_COUNT = 100


def at(begin: datetime, second: float) -> datetime:
    """Return an instant of the story."""
    return begin + timedelta(seconds=second)


def about(begin: datetime, second: float, version: str, identity: str) -> dict[str, Any]:
    """Return what every record of the story carries."""
    return {
        "event_id": derived_id("story", identity),
        "occurred_at": at(begin, second),
        "app": APP,
        "model": MODEL,
        "adapter_version": version,
    }


def training(begin: datetime, start: float, version: str, *, retraining_id: str, job_id: str) -> Iterator[Record]:
    """A job from its taking up to its end, some 100 s."""
    seconds = {"retraining_id": retraining_id, "job_id": job_id}
    scale = 0.6 if version == V1 else 1.0
    yield change(begin, start, version, "curating", **seconds, detail=f"retraining taken up as {version}")
    yield change(begin, start + 5, version, "curating", **seconds, detail="187 of 300 recent labelled rows")
    yield change(
        begin, start + 14 * scale, version, "curating", **seconds, detail="curated 640 rows, removed 57 near duplicates"
    )
    for step in range(0, 101, 10):
        second = start + (16 + 0.7 * step) * scale
        loss = None if step == 0 else 0.05 + 0.9 * 0.96**step
        yield change(begin, second, version, "training", **seconds, step=step, steps=100, loss=loss)
    detail = "on 240 held-out prompts against the base model"
    yield change(begin, start + 90 * scale, version, "evaluating", **seconds, detail=detail)


def alert(begin: datetime, second: float, monitor: str, state: str, value: float | None) -> AlertChanged:
    """A change of one of the story's two alerts, both on version 1 and breached first at 250 s."""
    accurate = monitor == "accuracy-drop"
    return AlertChanged(
        **about(begin, second, V1, f"{monitor} {state}"),
        alert_id=ACCURACY_ALERT if accurate else DRIFT_ALERT,
        monitor=monitor,
        state=state,  # type: ignore[arg-type]  # a literal at every caller
        severity="critical" if accurate else "warning",
        metric="feedback.accuracy" if accurate else "drift.prompt_distance.psi",
        comparison="below" if accurate else "above",
        threshold=0.85 if accurate else 0.5,
        value=value,
        count=71 if value is not None else 0,
        breached_at=at(begin, 250),
        window_end=at(begin, second),
        summary="feedback.accuracy 0.61 over 71, below 0.85 for 2 windows of 10s" if accurate else "",
    )


def adapter(
    begin: datetime, second: float, version: str, report: GateReport, *, job_id: str, lineage: Lineage
) -> AdapterTrained:
    """A version with the gate's verdict."""
    return AdapterTrained(
        **about(begin, second, version, f"adapter {version}"),
        job_id=job_id,
        artifact_uri=f"file:///srv/driftloop/{version}",
        gate=report,
        lineage=lineage,
        train_seconds=0.0 if version == V3 else 71.4,
        gate_seconds=9.2,
    )


def rollout(
    begin: datetime,
    second: float,
    version: str,
    state: RolloutState,
    *,
    sequence: int,
    routes: tuple[Route, ...],
    reason: str,
    step: int = 0,
    previous: str = V1,
    by: str = "",
) -> RolloutChanged:
    """A rollout's change with figures like the controller's."""
    judged = state in (RolloutState.CANARY, RolloutState.PROMOTED, RolloutState.ROLLED_BACK)
    return RolloutChanged(
        **about(begin, second, version, f"rollout {sequence}"),
        rollout_id=derived_id("rollout", version, by),
        state=state,
        sequence=sequence,
        step=step,
        previous_version=previous if version != V1 else "",
        routes=routes,
        reason=reason,
        evidence=_figures(version) if judged else {},
        override_by=by,
    )


def _figures(version: str) -> dict[str, float]:
    canary, incumbent = (0.19, 0.918) if version == V3 else (0.929, 0.61)
    return {
        "canary_accuracy": canary,
        "canary_count": 42,
        "stable_accuracy": incumbent,
        "stable_count": 133,
        "canary_latency_ms_p95": 144.0,
        "stable_latency_ms_p95": 143.0,
    }


def change(begin: datetime, second: float, version: str, state: str, **fields: Any) -> TrainingChanged:
    """A training job's step."""
    identity = f"training {version} {second}"
    return TrainingChanged(**about(begin, second, version, identity), state=state, **fields)  # type: ignore[arg-type]  # a literal at every caller


def gate_report(
    passed: bool, main: Sequence[tuple[int, int] | None], slices: Sequence[tuple[str, int, int]] = ()
) -> GateReport:
    """The gate's word on `main` (recent, earlier) and slices, each candidate's and incumbent's correct answers."""
    named = zip(("recent", "earlier"), main, strict=True)
    results = [_compared(name, name, *pair, GATE_COUNT) for name, pair in named if pair is not None]
    results += [_compared(name, "slice", candidate, incumbent, 50) for name, candidate, incumbent in slices]
    first = results[0]
    verdict = "better" if passed else "not shown to be better"
    reason = (
        f"recent: {verdict}, {first.candidate.value:.3f} against {first.incumbent.value:.3f}, bound {first.bound:+.3f}"
    )
    return GateReport(passed=passed, reasons=(reason,), slices=tuple(results))


def _compared(name: str, role: str, candidate: int, incumbent: int, of: int) -> SliceResult:
    gain = (candidate - incumbent) / of
    margin = {"recent": 0.0, "earlier": 0.08}.get(role, 0.25)
    return SliceResult(
        name=name,
        role=role,  # type: ignore[arg-type]  # a literal at every caller
        candidate=accuracy(candidate, of),
        incumbent=accuracy(incumbent, of),
        margin=margin,
        bound=gain - 0.05,
        passed=gain >= -margin,
    )


def stable_route(version: str, weight: float) -> Route:
    """The stable version's route."""
    return Route(adapter_version=version, variant="stable", weight=weight)


def routing_table(state: RolloutState, incumbent: str, candidate: str, share: float) -> tuple[Route, ...]:
    """The routing table of a state."""
    if state is RolloutState.PROMOTED:
        return (stable_route(candidate, 1.0),)
    table = (stable_route(incumbent, 1.0 - share),)
    if state is RolloutState.SHADOW:
        return (*table, Route(adapter_version=candidate, variant="shadow", mirror=0.5))
    if state is RolloutState.CANARY:
        return (*table, Route(adapter_version=candidate, variant="canary", weight=share))
    return table


def learnt(number: int) -> dict[str, Any]:
    """Where a trained version comes from."""
    return {
        "dataset_hash": derived_id("dataset", number),
        "dataset_rows": 640,
        "removed": {"near_duplicate": 57, "unlabelled": 12},
        "adapter_hash": derived_id("adapter", number),
        "run_id": f"3f1c2a9be0d44c5f8a7{number}",
        "registry_version": str(number),
    }
