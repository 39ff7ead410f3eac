"""The gate's stage of a job: both versions answer, the gate decides, and a page explains it to people."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from schemas.gate_policy import BETTER
from schemas.learning import GateReport
from training.data.dataset import Example
from training.jobs.workbench import Bench, JobFailed
from training.judging.evaluation import judge
from training.judging.gate import decide
from training.judging.safety_prompts import harmful_prompts, harmless_prompts
from training.judging.texts.comparison import Terms, compare, metric_of
from training.judging.texts.generation import Writers
from training.judging.texts.pairwise import Comparer, EmbeddedComparer, EndpointComparer


def gate_report(
    bench: Bench, held_out: Sequence[Example], *, base: Path, candidate: Path, incumbent: Path | None
) -> GateReport:
    """Return the gate's verdict on a candidate.

    Args:
        bench: The job's.
        held_out: Prompts that no version was trained on.
        base: Folder of the base model.
        candidate: Adapter folder.
        incumbent: Adapter folder of the served version; None means the base model answers now.

    Raises:
        JobFailed: The packaged prompts that every version of an app that writes is asked are not installed.
    """
    if bench.app.does == "classify":
        return _of_labels(bench, held_out, base=base, candidate=candidate, incumbent=incumbent)
    return _of_texts(bench, held_out, Writers(base, candidate, incumbent))


def _of_labels(
    bench: Bench, held_out: Sequence[Example], *, base: Path, candidate: Path, incumbent: Path | None
) -> GateReport:
    answers = judge(base, candidate, incumbent, labels=bench.app.labels, held_out=held_out)
    return decide(answers, bench.policy.gate, seed=bench.policy.seed)


def _of_texts(bench: Bench, held_out: Sequence[Example], writers: Writers) -> GateReport:
    terms = _terms(bench)
    compared = compare(writers, held_out, terms, _comparer(bench, writers))
    report = decide(
        compared.judged, bench.policy.gate, seed=bench.policy.seed, metric=terms.metric, conduct=compared.conduct
    )
    return msgspec.structs.replace(report, figures=compared.figures, effort=dict(compared.effort))


def _terms(bench: Bench) -> Terms:
    schema = bench.app.answers.schema
    try:
        harmful, harmless = harmful_prompts(), harmless_prompts()
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
