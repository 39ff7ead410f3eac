"""Every adapter version: where it came from, what the gate said slice by slice, how its rollout went."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.reader import About, Span
from dashboards.rows import Row, figures_of, gate_of, lineage_of, routes_of, where
from dashboards.wording import clock, duration, moment, plain, routes, share, version_name
from schemas.gate_report import ForgettingCell, GateCheck
from schemas.learning import GateReport, SliceResult

EMPTY = "No adapter version yet. One is trained when a monitor with `then: [retrain]` is breached, or on order."
_COLORS = {"passed": "green", "promoted": "green", "refused": "red", "rolled back": "red", "failed": "red"}
_RUNNING = ("curating", "training", "evaluating")


def show(about: About, span: Span) -> None:
    """Draw the page for one app; `span` says nothing here, versions are for ever."""
    del span
    jobs = about.rows("training_changes", per="job_id", limit=50)
    if jobs and jobs[-1]["state"] in _RUNNING:
        _running(jobs[-1])
    adapters = about.rows("adapters")
    if not adapters:
        st.info(EMPTY)
        return
    rollouts = about.rows("rollouts")
    _table(_versions(adapters, rollouts))
    names = [adapter["adapter_version"] for adapter in adapters][::-1]
    version = st.selectbox("Version", names, key="training-version", persist_state="session", width=320)
    _version(about, where(adapters, "adapter_version", version)[-1], where(rollouts, "adapter_version", version))


def _version(about: About, adapter: Row, rollouts: Sequence[Row]) -> None:
    gate, origin = st.columns([3, 2], gap="large")
    with gate:
        _gate(gate_of(adapter), adapter["adapter_version"])
    with origin:
        st.subheader("Lineage", anchor=False)
        _table([{"what": name, "value": plain(value)} for name, value in lineage_fields(adapter)], header=False)
        _loss(about, adapter)
    st.subheader("Rollout", anchor=False)
    if not rollouts:
        st.caption("Not begun.")
        return
    _table([_rollout(row) for row in rollouts])


def _table(rows: Sequence[Mapping[str, str]], *, header: bool = True) -> None:
    """Draw a small table whose long texts wrap; its cells are Markdown."""
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, hide_header=not header)


def _running(change: Row) -> None:
    done = change["step"] / change["steps"] if change["steps"] else 0.0
    name = change["adapter_version"] or "the next version"
    at = f", step {change['step']} of {change['steps']}" if change["steps"] else ""
    st.progress(min(done, 1.0), text=plain(f"{name}: {change['state']}{at} {change['detail']}"))


def _versions(adapters: Sequence[Row], rollouts: Sequence[Row]) -> list[dict[str, str]]:
    last = {row["adapter_version"]: row["state"] for row in rollouts}
    return [
        {
            "version": f"**{plain(row['adapter_version'])}**",
            "trained": plain(moment(row["occurred_at"])),
            "parent": plain(version_name(lineage_of(row).parent_version)),
            "gate": _colored("passed" if gate_of(row).passed else "refused"),
            "rollout": _colored(str(last.get(row["adapter_version"], "not begun")).replace("_", " ")),
            "rows learnt": f"{lineage_of(row).dataset_rows or 'made elsewhere'}",
            "training": duration(timedelta(seconds=row["train_seconds"])) if row["train_seconds"] else "",
            "gate took": duration(timedelta(seconds=row["gate_seconds"])),
        }
        for row in adapters[::-1]
    ]


def _colored(word: str) -> str:
    color = _COLORS.get(word)
    return f":{color}[{word}]" if color else word


def _gate(report: GateReport, version: str) -> None:
    st.subheader(f"Gate: {'passed' if report.passed else 'refused'}", anchor=False)
    for reason in report.reasons:
        st.caption(plain(reason))
    if report.slices:
        st.altair_chart(charts.dumbbells(_dots(report.slices, version)), width="stretch", key="gate-slices")
        _table([_slice(part) for part in report.slices])
        measure = report.metric.replace("_", " ")
        st.caption(f"Gain in points of {measure}; “surely” is its one-sided 95 % confidence bound.")
    if report.checks:
        _table([_check(check) for check in report.checks])
    if report.forgetting:
        st.caption("On the held-out prompts of earlier versions:")
        _table([_forgotten(cell) for cell in report.forgetting])


def _dots(slices: Sequence[SliceResult], version: str) -> pd.DataFrame:
    sides = ((version, "candidate"), ("incumbent", "incumbent"))
    return pd.DataFrame(
        [
            {"slice": part.name, "who": who, "accuracy": getattr(part, side).value, "count": getattr(part, side).count}
            for part in slices
            for who, side in sides
        ]
    )


def _slice(part: SliceResult) -> dict[str, str]:
    gain = part.candidate.value - part.incumbent.value
    return {
        "slice": plain(part.name),
        "prompts": str(part.candidate.count),
        "incumbent": share(part.incumbent.value),
        "candidate": f"{share(part.candidate.value)} ({part.candidate.low:.0%}–{part.candidate.high:.0%})",
        "gain": f"{100 * gain:+.0f}",
        "surely": f"≥ {100 * part.bound:+.0f}",
        "may lose": f"{100 * part.margin:.0f}",
        "verdict": _colored("passed" if part.passed else "refused"),
    }


def _check(check: GateCheck) -> dict[str, str]:
    return {
        "conduct and cost": check.name,
        "prompts": str(check.count),
        "incumbent": f"{check.incumbent:.3g}",
        "candidate": f"{check.candidate:.3g}",
        "at most": f"{check.bound:+.3f}",
        "limit": f"{check.limit:.3g}",
        "verdict": _colored("passed" if check.passed else "refused"),
    }


def _forgotten(cell: ForgettingCell) -> dict[str, str]:
    return {
        "held out of": plain(cell.held_out_of),
        "prompts": str(cell.count),
        "incumbent": share(cell.served),
        "candidate": share(cell.value),
        "change": f"{100 * (cell.value - cell.served):+.0f}",
        "no longer there": str(cell.gone),
    }


def lineage_fields(adapter: Row) -> list[tuple[str, str]]:
    """Return where a version comes from, line by line."""
    lineage = lineage_of(adapter)
    fields = {
        "alert": lineage.alert_id,
        "order": lineage.retraining_id,
        "parent": version_name(lineage.parent_version),
        "rows": str(lineage.dataset_rows or ""),
        "rows removed": ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in lineage.removed.items()),
        "read up to": ", ".join(f"{source}: {offset}" for source, offset in lineage.offsets.items()),
        "dataset SHA-256": lineage.dataset_hash,
        "adapter SHA-256": lineage.adapter_hash,
        "MLflow run": lineage.run_id,
        "registry version": lineage.registry_version,
        "artifact": adapter["artifact_uri"],
    }
    return [(name, value) for name, value in fields.items() if value]


def _loss(about: About, adapter: Row) -> None:
    steps = [row for row in about.losses(adapter["job_id"]) if row["loss"] is not None]
    if len(steps) < 2:
        return
    frame = pd.DataFrame([{"step": row["step"], "loss": row["loss"]} for row in steps])
    st.altair_chart(charts.loss(frame), width="stretch", key="loss")


def _rollout(row: Row) -> dict[str, str]:
    return {
        "at, UTC": plain(clock(row["occurred_at"])),
        "state": _colored(row["state"].replace("_", " ")),
        "who answers": plain(routes(routes_of(row), row["app"])),
        "why": plain(row["reason"]),
        "figures": plain(_figures(figures_of(row))),
    }


def _figures(figures: Mapping[str, float]) -> str:
    """Return the figures that decide: accuracies with their counts, failures, latency."""
    sides = [
        f"{side} {share(figures[f'{side}_accuracy'])} of {figures.get(f'{side}_count', 0):.0f}"
        for side in ("canary", "stable")
        if f"{side}_accuracy" in figures
    ]
    latency = [
        f"{side} p95 {figures[f'{side}_latency_ms_p95']:.0f} ms"
        for side in ("canary", "stable")
        if f"{side}_latency_ms_p95" in figures
    ]
    return "; ".join(filter(None, (", ".join(sides), ", ".join(latency))))
