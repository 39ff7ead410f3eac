"""Every adapter version: where it came from, what the gate said slice by slice, how its rollout went."""

from typing import Any

import msgspec
import pandas as pd
import streamlit as st

from dashboards.reader import About
from dashboards.timeline import Row, lineage_of, records


def show(about: About) -> None:
    """Draw the page for one app."""
    changes = about.rows("training_changes", limit=50)
    if len(changes) and changes.iloc[-1]["state"] in ("curating", "training", "evaluating"):
        _running(records(changes)[-1])
    adapters = about.rows("adapters")
    if adapters.empty:
        st.info(
            "No adapter version yet. One is trained when a monitor with `then: [retrain]` is breached, or on order."
        )
        return
    rollouts = about.rows("rollouts")
    st.subheader("Versions")
    st.dataframe(_versions(adapters, rollouts), hide_index=True, use_container_width=True)
    version = st.selectbox("Version", list(adapters["adapter_version"])[::-1], key="training-version")
    adapter = records(adapters[adapters["adapter_version"] == version])[-1]
    gate, lineage = st.columns([3, 2])
    with gate:
        _gate(msgspec.json.decode(adapter["gate"]))
    with lineage:
        st.subheader("Lineage")
        st.json(lineage_of(adapter), expanded=1)
    st.subheader("Rollout")
    steps = rollouts[rollouts["adapter_version"] == version]
    st.dataframe(
        steps[["occurred_at", "state", "reason", "routes", "evidence"]], hide_index=True, use_container_width=True
    )


def _running(change: Row) -> None:
    share = change["step"] / change["steps"] if change["steps"] else 0.0
    st.progress(
        min(share, 1.0), text=f"{change['adapter_version'] or 'next version'}: {change['state']} {change['detail']}"
    )


def _versions(adapters: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    last = rollouts.groupby("adapter_version")["state"].last() if len(rollouts) else pd.Series(dtype=str)
    return pd.DataFrame(
        {
            "version": adapters["adapter_version"],
            "trained": adapters["occurred_at"],
            "gate": ["passed" if msgspec.json.decode(gate)["passed"] else "refused" for gate in adapters["gate"]],
            "rollout": [last.get(version, "none") for version in adapters["adapter_version"]],
            "training, s": adapters["train_seconds"].round(1),
            "rows": [lineage_of(row).get("dataset_rows", 0) for row in records(adapters)],
        }
    ).iloc[::-1]


def _gate(report: dict[str, Any]) -> None:
    st.subheader(f"Gate: {'passed' if report['passed'] else 'refused'}")
    for reason in report["reasons"]:
        st.markdown(f"- {reason}")
    rows = [
        {
            "slice": part["name"],
            "role": part["role"],
            "n": part["candidate"]["count"],
            "incumbent": _share(part["incumbent"]),
            "candidate": _share(part["candidate"]),
            "bound on difference": part["bound"],
            "margin": part["margin"],
            "passed": part["passed"],
        }
        for part in report["slices"]
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, use_container_width=True)


def _share(accuracy: dict[str, Any]) -> float:
    return accuracy["correct"] / accuracy["count"] if accuracy["count"] else float("nan")
