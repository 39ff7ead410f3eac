"""The gate's stage of a job: both versions answer, the gate decides, and a page explains it to people."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from schemas.gate_policy import BETTER
from schemas.inference import Message
from schemas.learning import GateReport
from services.clients.registry.artifacts import ArtifactStore
from services.clients.warehouse.client import Warehouse, WarehouseDown
from services.scorers.pii import mask
from training.data.dataset import Example, Manifest
from training.data.earlier import drawn, earlier_versions, read_again
from training.jobs.workbench import REPORT, Bench, JobFailed
from training.judging.evaluation import judge
from training.judging.forgetting import EarlierSet, Worth, forgetting
from training.judging.gate import Judged, decide, trusted
from training.judging.report import Heading, Shown, page_of
from training.judging.safety_prompts import HARMLESS_SHARE, harmful_prompts, harmless_prompts
from training.judging.texts.comparison import Compared, Terms, compare, metric_of, reference_of
from training.judging.texts.generation import Writers
from training.judging.texts.pairwise import Comparer, EmbeddedComparer, EndpointComparer
from training.judging.unconstrained import FIGURE, answered_freely

log = logging.getLogger(__name__)

MANIFEST = "dataset.json"
_EARLIER_VERSIONS, _EARLIER_PROMPTS = 3, 60
Answered = Callable[[Sequence[Example]], Sequence[Worth]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """What is compared.

    Attributes:
        base: Folder of the base model.
        candidate: Adapter folder.
        incumbent: Adapter folder of the served version; None means the base model answers now.
        served: The served version's name, empty likewise.
    """

    base: Path
    candidate: Path
    incumbent: Path | None
    served: str


def gate_report(bench: Bench, held_out: Sequence[Example], rivals: Rivals) -> GateReport:
    """Return the gate's verdict on a candidate, and leave the page that explains it in the job's folder.

    Args:
        bench: The job's.
        held_out: Prompts that no version was trained on.
        rivals: Candidate and incumbent.

    Raises:
        JobFailed: The packaged prompts that every version of an app that writes is asked are not installed.
    """
    of_kind = _of_labels if bench.app.does == "classify" else _of_texts
    asked = trusted(held_out, bench.policy.gate)
    report, shown = of_kind(bench, asked, rivals)
    if len(asked) < len(held_out):
        left_out = f"asked: {len(asked)} of {len(held_out)} held-out prompts, those that somebody trusted judged"
        report = msgspec.structs.replace(report, reasons=(*report.reasons, left_out))
    heading = Heading(
        app=bench.app.name,
        version=bench.job.version,
        served=rivals.served,
        at=bench.clock(),
        waits=bench.policy.gate.approve == "human",
        texts=bench.app.privacy.policy != "drop-text",
    )
    (bench.folder / REPORT).write_text(page_of(report, heading, shown, lambda text: mask(text)[0]))
    return report


def _of_labels(bench: Bench, held_out: Sequence[Example], rivals: Rivals) -> tuple[GateReport, list[Shown]]:
    def answered(examples: Sequence[Example]) -> list[Judged]:
        return judge(rivals.base, rivals.candidate, rivals.incumbent, labels=bench.app.labels, held_out=examples)

    judged = answered(held_out)
    report = decide(judged, bench.policy.gate, seed=bench.policy.seed)
    known = {e.request_id: _worth(row) for e, row in zip(held_out, judged, strict=True)}
    cells = forgetting(_earlier_sets(bench), known, lambda further: [_worth(row) for row in answered(further)])
    freely = answered_freely(
        rivals.base, rivals.candidate, labels=bench.app.labels, held_out=held_out, seed=bench.policy.seed
    )
    shown = [
        Shown(
            prompt=example.prompt,
            wanted=example.label,
            candidate="right" if row.candidate_correct else "wrong",
            incumbent="right" if row.incumbent_correct else "wrong",
            gain=row.candidate_correct - row.incumbent_correct,
        )
        for example, row in zip(held_out, judged, strict=True)
    ]
    report = msgspec.structs.replace(
        report, forgetting=cells, figures={FIGURE: freely.share}, reasons=(*report.reasons, freely.in_words)
    )
    return report, shown


def _of_texts(bench: Bench, held_out: Sequence[Example], rivals: Rivals) -> tuple[GateReport, list[Shown]]:
    terms = _terms(bench)

    def heard(answers: int) -> None:
        bench.announce("evaluating", f"{answers} answers written", step=answers)

    writers = Writers(rivals.base, rivals.candidate, rivals.incumbent, heard)
    comparer = _comparer(bench, writers)
    compared = compare(writers, held_out, terms, comparer)
    report = decide(
        compared.judged, bench.policy.gate, seed=bench.policy.seed, metric=terms.metric, conduct=compared.conduct
    )
    known = {e.request_id: _worth(row) for e, row in zip(compared.examples, compared.judged, strict=True)}
    brief = replace(terms, harmful=(), harmless=())
    cells = forgetting(
        _earlier_sets(bench),
        known,
        lambda further: [_worth(row) for row in compare(writers, further, brief, comparer).judged],
    )
    report = msgspec.structs.replace(report, figures=compared.figures, effort=dict(compared.effort), forgetting=cells)
    return report, _shown(compared)


def _worth(row: Judged) -> Worth:
    return float(row.candidate_correct), float(row.incumbent_correct)


def _shown(compared: Compared) -> list[Shown]:
    rows = zip(
        compared.examples,
        compared.answers["candidate"],
        compared.answers["incumbent"],
        compared.worth["candidate"] - compared.worth["incumbent"],
        strict=True,
    )
    return [
        Shown(
            prompt=example.prompt,
            wanted=_wanted(example),
            candidate=_text(candidate),
            incumbent=_text(incumbent),
            gain=float(gain),
        )
        for example, candidate, incumbent, gain in rows
    ]


def _wanted(example: Example) -> str:
    return f"anything but: {_text(example.answer)}" if example.kind == "unwanted" else _text(reference_of(example))


def _text(message: Message | None) -> str:
    if message is None:
        return ""
    return "\n".join(filter(None, (message.text, *(f"{call.name}({call.arguments})" for call in message.tool_calls))))


def _terms(bench: Bench) -> Terms:
    schema = bench.app.answers.schema
    try:
        wanted = bench.policy.gate.safety_prompts
        harmful, harmless = harmful_prompts(wanted), harmless_prompts(round(HARMLESS_SHARE * wanted))
    except ModuleNotFoundError as error:
        raise JobFailed(f"the gate's harmful prompts are not installed: {error}") from error
    return Terms(
        metric=metric_of(bench.app.does, bench.policy.metric),
        schema=msgspec.json.encode(schema).decode() if schema else "",
        most_tokens=bench.policy.max_answer_tokens,
        harmful=harmful,
        harmless=harmless,
    )


def _comparer(bench: Bench, writers: Writers) -> Comparer:
    judge_by = bench.policy.gate.judge
    if judge_by is not None:
        return EndpointComparer(judge_by, os.environ)
    return EmbeddedComparer(writers.base, writers.tokenizer, BETTER)


def _earlier_sets(bench: Bench) -> list[EarlierSet]:
    """Return the held-out sets of the last versions; none while the warehouse is away, as no verdict rests on them."""
    app, store = bench.app.name, ArtifactStore(bench.settings.artifacts)
    sets = []
    try:
        with Warehouse.connect(bench.settings) as warehouse:
            for version in earlier_versions(warehouse, app, but=bench.job.version, limit=_EARLIER_VERSIONS):
                paper = store.paper(app, version, MANIFEST)
                rows = drawn(msgspec.json.decode(paper, type=Manifest), _EARLIER_PROMPTS) if paper else []
                examples = read_again(warehouse, app, rows, mask)
                sets.append(EarlierSet(version, tuple(examples), len(rows) - len(examples)))
    except WarehouseDown as error:
        log.warning("job=%s judged without earlier sets: %s", bench.job.job_id, type(error).__name__)
    return sets
