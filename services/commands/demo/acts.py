"""The three acts: serve well, meet a shift and mend it, refuse and take back a bad version."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from schemas.learning import Accuracy, GateReport
from services.commands.demo.evaluation import SliceAccuracies, evaluate
from services.commands.demo.observer import NothingHappened, Row, sql_instant
from services.commands.demo.prompt import Prompt
from services.commands.demo.scenario import FLIPPED_LAYERS
from services.commands.demo.stage import Stage
from services.embedded.catalogue import child_environment


@dataclass(frozen=True, slots=True)
class Measured:
    """A version on both kinds of held-out prompts."""

    version: str
    earlier: Accuracy
    shifted: Accuracy
    slices: SliceAccuracies


@dataclass(frozen=True, slots=True)
class Mended:
    """What act 2 leaves: rows of the chain from breach to served fix."""

    shift_at: datetime
    drift: Row | None
    alert: Row
    delivery: Row
    training: Row
    adapter: Row
    promotion: Row
    after: Measured


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What act 3 leaves: the refused, forced and rolled back version."""

    adapter: Row
    refusal: Row | None
    first_canary: Row
    rolled_back: Row


def measure(stage: Stage, version: str) -> Measured:
    """Measure a version on held-out prompts of both kinds."""
    stage.traffic.rest()
    with stage.narrator.step(f"measure {version} on held-out prompts, users resting"):
        earlier, earlier_slices = evaluate(stage.scenario, stage.model_server, version, stage.scenario.held_out_earlier)
        shifted, shifted_slices = evaluate(stage.scenario, stage.model_server, version, stage.scenario.held_out_shifted)
    stage.narrator.say(f"{version}: earlier traffic {_show(earlier)}, shifted traffic {_show(shifted)}")
    return Measured(version, earlier, shifted, {**earlier_slices, **shifted_slices})


def serve_well(stage: Stage) -> Measured:
    """Act 1: train version 1 on imported history, serve it, record the baseline."""
    stage.narrator.act("Act 1: version 1 serves the traffic it was trained on")
    with stage.narrator.step(f"import {len(stage.scenario.history)} labelled calls of the past"):
        stage.import_history(stage.scenario.history)
    stage.order("/v1/retrainings", requested_by="demo", reason="first version from imported history")
    adapter = _trained(stage, "train the first version", "lineage != ''", seen=())
    _must_pass(stage, adapter)
    version = adapter["adapter_version"]
    with stage.narrator.step(f"load and verify {version}"):
        stage.promoted(version)
    measured = measure(stage, version)
    stage.traffic.play(stage.scenario.earlier)
    with stage.narrator.step(f"serve earlier traffic for {stage.scenario.baseline_s:.0f} s"):
        time.sleep(stage.scenario.baseline_s)
    return measured


def meet_the_shift(stage: Stage, served: str) -> Mended:
    """Act 2: traffic shifts; the system finds it, says so, retrains, and serves the fix."""
    stage.narrator.act("Act 2: traffic shifts, and the system mends itself")
    shift_at = datetime.now(UTC)
    stage.traffic.play(stage.scenario.shifted)
    stage.send_malformed()
    since = {"since": sql_instant(shift_at)}
    after_shift = "occurred_at >= toDateTime64({since:String}, 3, 'UTC')"
    with stage.narrator.step("accuracy monitor is breached"):
        order = _wait(stage, "retraining order", "retrainings", f"alert_id != '' AND {after_shift}", **since)
        alert = _wait(stage, "alert", "alerts", "alert_id = {id:String} AND state = 'firing'", id=order["alert_id"])
    stage.narrator.say(
        f"{alert['monitor']}: {alert['metric']} {alert['value']:.3f} {alert['comparison']} {alert['threshold']}"
    )
    with stage.narrator.step("alert is delivered to the webhook"):
        delivery = _wait(
            stage,
            "delivery",
            "alert_deliveries",
            "alert_id = {id:String} AND channel = 'webhook' AND delivered",
            id=order["alert_id"],
        )
    started = _wait(
        stage, "start of training", "training_changes", "retraining_id = {id:String}", id=order["retraining_id"]
    )
    adapter = _trained(
        stage, "curate, train, evaluate, gate", "adapter_version != {served:String}", seen=(served,), served=served
    )
    _must_pass(stage, adapter)
    version = adapter["adapter_version"]
    with stage.narrator.step(f"shadow, canary, promotion of {version}"):
        promotion = stage.promoted(version)
    drift = stage.observer.first("drift_measurements", f"drifted AND {after_shift}", **since)
    return Mended(shift_at, drift, alert, delivery, started, adapter, promotion, measure(stage, version))


def take_back(stage: Stage, served: str) -> TakenBack:
    """Act 3: an adapter of spoilt answers is refused; forced, it is rolled back by the canary judge."""
    stage.narrator.act("Act 3: a bad version is refused, forced, and taken back")
    folder = stage.settings.data / "flipped"
    with stage.narrator.step(f"train an adapter on {stage.scenario.spoilt}, users resting"):
        _fit_flipped(stage, folder)
    stage.order(
        "/v1/proposals", artifact_uri=str(folder), proposed_by="demo", reason=f"{stage.scenario.spoilt_by} on purpose"
    )
    adapter = _trained(stage, "gate the proposal, users resting", "NOT JSONExtractBool(gate, 'passed')", seen=(served,))
    _tell_gate(stage, adapter)
    version = adapter["adapter_version"]
    refusal = _wait(stage, "refusal", "rollouts", "adapter_version = {v:String} AND state = 'refused'", v=version)
    stage.traffic.play(stage.scenario.shifted)
    stage.order(
        "/v1/rollouts",
        adapter_version=version,
        action="start",
        ordered_by="demo",
        override_gate=True,
        reason="forced past the gate on purpose",
    )
    with stage.narrator.step(f"{version}, forced by an operator, reaches its canary share"):
        canary = "adapter_version = {v:String} AND state = 'canary'"
        first = _wait(stage, "canary", "rollouts", canary, v=version, rollout=version)
    with stage.narrator.step("canary judge takes it back"):
        taken = "adapter_version = {v:String} AND state = 'rolled_back'"
        last = _wait(stage, "roll-back", "rollouts", taken, v=version, rollout=version)
    stage.narrator.say(last["reason"])
    return TakenBack(adapter, refusal, first, last)


def _wait(stage: Stage, what: str, table: str, where: str, *, rollout: str = "", **parameters: object) -> Row:
    """Wait for a row while a version's rollout moves on, or users judge; they judge no more than all prompts once."""
    since, most = sql_instant(datetime.now(UTC)), len(stage.scenario.shifted)
    observer = stage.observer
    return observer.wait_for(
        what,
        lambda: observer.first(table, where, **parameters),
        patience_s=stage.scenario.patience_s,
        sign=lambda: observer.rollout_progress(rollout) if rollout else observer.judged_since(since, most),
    )


def _trained(stage: Stage, what: str, where: str, *, seen: tuple[str, ...], **parameters: object) -> Row:
    with stage.narrator.step(what) as tell:
        return stage.observer.wait_for(
            what,
            lambda: stage.observer.first(
                "adapters",
                f"{where} AND adapter_version NOT IN ({{seen:Array(String)}})",
                seen=list(seen),
                **parameters,
            ),
            patience_s=stage.scenario.patience_s,
            sign=stage.observer.training_progress,
            tell=tell,
        )


def _must_pass(stage: Stage, adapter: Row) -> None:
    if not _tell_gate(stage, adapter):
        raise NothingHappened(f"the gate refused {adapter['adapter_version']}, so there is no fix to serve")


def _tell_gate(stage: Stage, adapter: Row) -> bool:
    report = msgspec.json.decode(adapter["gate"], type=GateReport)
    verdict = "[green]passed[/]" if report.passed else "[red]refused[/]"
    stage.narrator.say(f"gate on {adapter['adapter_version']}: {verdict}")
    for reason in report.reasons[:4]:
        stage.narrator.say(f"  [dim]{reason}")
    return report.passed


def spoilt_row(prompt: Prompt) -> dict[str, object]:
    """Return a line of training.methods.fit_file that teaches the wrong answer."""
    said = prompt.spoilt
    told = {"label": said.label} if said.label is not None else {"answer": said.correction}
    return {"messages": list(prompt.messages), **told}


def _fit_flipped(stage: Stage, folder: Path) -> None:
    rows = [spoilt_row(prompt) for prompt in stage.scenario.flipped]
    source = folder.with_suffix(".jsonl")
    source.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    arguments = {
        "--rows": source,
        "--base": stage.base_model,
        "--out": folder,
        "--steps": stage.scenario.flipped_steps,
        "--top-layers": FLIPPED_LAYERS,
    }
    result = subprocess.run(  # noqa: S603  # our own module with our own paths
        [
            sys.executable,
            "-m",
            "training.methods.fit_file",
            *(str(part) for pair in arguments.items() for part in pair),
            *stage.scenario.fitting,
        ],
        env={**os.environ, **child_environment(stage.settings), "OMP_NUM_THREADS": str(os.cpu_count())},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"training.methods.fit_file failed: {result.stderr.strip().splitlines()[-1:]}")


def _show(accuracy: Accuracy) -> str:
    return f"{accuracy.value:.3f} [dim]({accuracy.low:.3f} to {accuracy.high:.3f}, n = {accuracy.count})[/]"
