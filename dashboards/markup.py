"""The steps of a chain as HTML, every value escaped. Pure.

A step is a `<details>`: closed it is one line, open it shows the row that proves it. Whether it is
open is the browser's state, and stays as long as the text of the step does.
"""

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Any

import msgspec

from dashboards.rows import Row, figures_of, gate_of, lineage_of, routes_of
from dashboards.steps import Step
from dashboards.timeline import Chain
from dashboards.wording import moment, number, offset, routes, share

STYLE = """<style>
.dl-step { display: block; margin: 0; }
.dl-step summary { display: grid; grid-template-columns: 5.2rem 1.4rem minmax(14rem, 25rem) 1fr 5rem; gap: .35rem;
  align-items: baseline; padding: .22rem .3rem; cursor: pointer; list-style: none; border-radius: .4rem;
  font-size: .9rem; line-height: 1.35; }
.dl-step summary::-webkit-details-marker { display: none; }
.dl-step summary:hover, .dl-step[open] summary { background: rgba(128, 140, 160, .10); }
.dl-when { text-align: right; font-variant-numeric: tabular-nums; opacity: .65; white-space: nowrap; }
.dl-dot { align-self: stretch; position: relative; }
.dl-dot::before { content: ""; position: absolute; left: 50%; top: -.5rem; bottom: -.5rem; width: 2px;
  margin-left: -1px; background: rgba(128, 140, 160, .35); }
.dl-dot::after { content: ""; position: absolute; left: 50%; top: .38rem; width: .62rem; height: .62rem;
  margin-left: -.31rem; border-radius: 50%; background: #7d8b9a; box-shadow: 0 0 0 3px #fff; }
.dl-good .dl-dot::after { background: #1e7d4f; }
.dl-bad .dl-dot::after, .dl-breach .dl-dot::after { background: #c62828; }
.dl-what { font-weight: 600; }
.dl-good .dl-what { color: #1e7d4f; }
.dl-bad .dl-what, .dl-breach .dl-what { color: #c62828; }
.dl-why { opacity: .75; overflow-wrap: anywhere; }
.dl-open { text-align: right; font-size: .78rem; opacity: .55; }
.dl-step summary:hover .dl-open { opacity: 1; text-decoration: underline; }
.dl-proof { margin: .3rem 0 .7rem 7.4rem; font-size: .8rem; border-collapse: collapse; }
.dl-proof td { padding: .1rem .9rem .1rem 0; vertical-align: top; border: 0; overflow-wrap: anywhere; }
.dl-proof td:first-child { opacity: .6; white-space: nowrap; }
.dl-proof code { font-size: .78rem; background: none; padding: 0; color: inherit; }
</style>"""
_PLACE = ("event_id", "occurred_at", "topic_id", "partition", "offset", "recorded_at")


def step_html(step: Step, chain: Chain) -> str:
    """Return one step."""
    when = offset(step.at - chain.origin)
    proof = "".join(f"<tr><td>{escape(name)}</td><td>{value}</td></tr>" for name, value in _proof(step))
    return (
        f'<details class="dl-step dl-{step.tone}"><summary>'
        f'<span class="dl-when">{escape(when)}</span><span class="dl-dot"></span>'
        f'<span class="dl-what">{escape(step.title)}</span><span class="dl-why">{escape(step.detail)}</span>'
        f'<span class="dl-open">evidence</span></summary><table class="dl-proof">{proof}</table></details>'
    )


def _proof(step: Step) -> Iterator[tuple[str, str]]:
    row = step.evidence
    query = f"SELECT * FROM {step.table} FINAL WHERE event_id = '{row['event_id']}'"  # noqa: S608  # shown, not run
    yield "row", f"<code>{escape(query)}</code>"
    yield "occurred at", escape(moment(row["occurred_at"]))
    yield "message", escape(f"topic id {row['topic_id']}, partition {row['partition']}, offset {row['offset']}")
    for name, value in told(row).items():
        yield name.replace("_", " "), escape(value)


def told(row: Row) -> dict[str, str]:
    """Return a row's fields in words, without empty ones and without where its message stood."""
    words = {name: _said(name, value, row) for name, value in row.items() if name not in _PLACE}
    return {name: text for name, text in words.items() if text}


def _said(name: str, value: Any, row: Row) -> str:
    if name == "routes":
        return routes(routes_of(row), row["app"])
    if name == "evidence":
        return ", ".join(f"{figure.replace('_', ' ')} {number(x)}" for figure, x in figures_of(row).items())
    if name == "lineage":
        fields = msgspec.structs.asdict(lineage_of(row))
        return "; ".join(f"{field.replace('_', ' ')} {_flat(x)}" for field, x in fields.items() if x)
    if name == "gate":
        return "; ".join(
            f"{s.name}: {share(s.candidate.value)} of {s.candidate.count}, incumbent {share(s.incumbent.value)}"
            for s in gate_of(row).slices
        )
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else number(value) if isinstance(value, float) else str(value)


def _flat(value: Any) -> str:
    return ", ".join(f"{key} {x}" for key, x in value.items()) if isinstance(value, dict) else str(value)
