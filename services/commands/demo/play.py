"""One performance: start the stack, play the three acts, settle the account, hold it to its bars."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psutil

from schemas.learning import GateReport, Route
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
from services.commands.demo.account import balance
from services.commands.demo.acts import Measured, Mended, TakenBack, meet_the_shift, serve_well, take_back
from services.commands.demo.admission import own_key
from services.commands.demo.configured import exchange
from services.commands.demo.elsewhere import answering
from services.commands.demo.lineage import lineage_of, unresolved
from services.commands.demo.narrator import Narrator
from services.commands.demo.observer import Observer, Row, seconds_between, sql_instant
from services.commands.demo.scenario import Scenario
from services.commands.demo.stage import Sent, Stage
from services.commands.demo.summary import Accuracies, Rollback, Summary, Times, Verdict, failures, recovered_share
from services.commands.demo.traffic import Traffic
from services.embedded.supervisor import Supervisor
from services.parts.certificates import own_trust
from services.parts.runtime.process import read_configuration

START_S = 300.0


@contextmanager
def staged(scenario: Scenario, settings: Settings, supervisor: Supervisor, narrator: Narrator) -> Iterator[Stage]:
    """Start the stack and its users; the users have settled their calls when the body is left. The stack stays up.

    Raises:
        StartFailed: A process did not come up.
    """
    app = read_configuration(settings).app(scenario.app)
    if app is None:
        raise ValueError(f"the configuration has no app {scenario.app!r}")
    narrator.act("Start: broker, warehouse, model, gateway, processors, dashboard")
    with own_key(settings, scenario.app) as headers:
        with narrator.step("start the stack") as tell:
            supervisor.start(lambda name, state: tell(f"{name} {state}"))
            supervisor.wait_healthy(START_S)
        narrator.say(f"dashboard: {settings.url('dashboard')}")
        with Warehouse.connect(settings) as warehouse:
            trust = own_trust(settings, "gateway")
            traffic = Traffic(scenario, settings.url("gateway"), trust=trust, headers=headers)
            traffic.start()
            observer = Observer(warehouse, scenario.app)
            try:
                sent, server = Sent(set(), set()), answering(app, settings)
                yield Stage(scenario, settings, app.base_model, server, observer, traffic, narrator, sent, headers)
            finally:
                traffic.stop()


def perform(scenario: Scenario, settings: Settings, supervisor: Supervisor, narrator: Narrator) -> Summary:
    """Play all acts on a stack that `supervisor` is about to start; it stays up afterwards.

    Raises:
        StartFailed: A process did not come up.
        NothingHappened: A stage did not come within the scenario's patience.
    """
    began = time.monotonic()
    with staged(scenario, settings, supervisor, narrator) as stage:
        first = serve_well(stage)
        if scenario.relearn:
            exchange(settings.configuration, scenario.relearn)
            narrator.say(f"training from now on: {', '.join(line.strip() for line in scenario.relearn.values())}")
        mended = meet_the_shift(stage, first.version)
        taken_back = take_back(stage, mended.after.version)
        with narrator.step("settle open calls"):
            stage.traffic.stop()
        return _summary(stage, supervisor, first, mended, taken_back, began=began)


def _summary(  # one argument an act
    stage: Stage, supervisor: Supervisor, first: Measured, mended: Mended, taken_back: TakenBack, *, began: float
) -> Summary:
    with stage.narrator.step("compare what was sent with what is stored"):
        events = balance(stage.observer, stage.traffic.ledger, stage.sent)
    accuracy = _accuracies(first, mended.after)
    rollback = _rollback(stage, taken_back)
    missing = unresolved(mended.adapter, stage.observer, stage.settings)
    false_alarms = _false_alarms(stage, mended)
    missed = failures(
        events=events,
        accuracy=accuracy,
        rollback=rollback,
        false_alarms=false_alarms,
        unresolved=missing,
        bars=stage.scenario.bars,
    )
    adapters = stage.observer.rows("SELECT * FROM adapters FINAL WHERE app = {app:String} ORDER BY occurred_at")
    return Summary(
        passed=not missed,
        failures=tuple(missed),
        events=events,
        accuracy=accuracy,
        times=_times(mended),
        versions=tuple(row["adapter_version"] for row in adapters),
        gate=tuple(_verdict(row) for row in adapters),
        rollback=rollback,
        false_alarms=false_alarms,
        lineage=msgspec.to_builtins(lineage_of(mended.adapter)),
        duration_s=round(time.monotonic() - began, 1),
        peak_rss_mb=round(supervisor.peak_rss_mb, 1),
        machine=f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.machine()}",
    )


def _accuracies(first: Measured, after: Measured) -> Accuracies:
    slices = {name: {"before": first.slices[name], "after": after.slices[name]} for name in first.slices}
    return Accuracies(
        baseline=first.earlier,
        after_shift=first.shifted,
        after_fix=after.shifted,
        earlier_after_fix=after.earlier,
        recovered_share=recovered_share(
            baseline=first.earlier.value, after_shift=first.shifted.value, after_fix=after.shifted.value
        ),
        slices=slices,
        worse=tuple(name for name, both in slices.items() if both["after"].value < both["before"].value),
    )


def _times(mended: Mended) -> Times:
    breached_at = mended.alert["breached_at"]
    return Times(
        shift_to_drift_detected=seconds_between(mended.shift_at, mended.drift["occurred_at"]) if mended.drift else None,
        shift_to_breach=seconds_between(mended.shift_at, breached_at),
        breach_to_alert_delivered=seconds_between(breached_at, mended.delivery["occurred_at"]),
        alert_to_training_started=seconds_between(mended.alert["occurred_at"], mended.training["occurred_at"]),
        training=mended.adapter["train_seconds"],
        gate=mended.adapter["gate_seconds"],
        rollout=seconds_between(mended.adapter["occurred_at"], mended.promotion["occurred_at"]),
        breach_to_fix_served=seconds_between(breached_at, mended.promotion["occurred_at"]),
    )


def _verdict(adapter: Row) -> Verdict:
    report = msgspec.json.decode(adapter["gate"], type=GateReport)
    return Verdict(version=adapter["adapter_version"], passed=report.passed, reasons=report.reasons)


def _rollback(stage: Stage, taken_back: TakenBack) -> Rollback:
    version = taken_back.adapter["adapter_version"]
    changes = stage.observer.rows(
        "SELECT routes FROM rollouts FINAL WHERE app = {app:String} AND adapter_version = {v:String}", v=version
    )
    routes = [
        route
        for change in changes
        for route in msgspec.json.decode(change["routes"], type=tuple[Route, ...])
        if route.adapter_version == version
    ]
    policy = read_configuration(stage.settings).rollout_of(stage.scenario.app)
    return Rollback(
        version=version,
        refused_first=taken_back.refusal is not None,
        peak_share=max((route.weight for route in routes), default=0.0),
        allowed_share=policy.steps[0],
        seconds=seconds_between(taken_back.first_canary["occurred_at"], taken_back.rolled_back["occurred_at"]),
        answered=stage.observer.count(
            "SELECT count() FROM responses FINAL "
            "WHERE app = {app:String} AND adapter_version = {v:String} AND variant != 'shadow'",
            v=version,
        ),
        reason=taken_back.rolled_back["reason"],
    )


def _false_alarms(stage: Stage, mended: Mended) -> int:
    """Return how many alerts fired while traffic was of the kind that version 1 knows."""
    return stage.observer.count(
        "SELECT uniqExact(alert_id) FROM alerts FINAL "
        "WHERE app = {app:String} AND breached_at < toDateTime64({until:String}, 3, 'UTC')",
        until=sql_instant(mended.shift_at),
    )
