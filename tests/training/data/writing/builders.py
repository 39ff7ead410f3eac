"""Calls and what people say of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from schemas.configuration import App
from schemas.feedback import Answered, Comparison, FeedbackGiven
from schemas.inference import Message, ToolCall, ToolDeclared
from schemas.training_policy import Training
from tests.training.data.test_curation import TOOLS
from training.data.dataset import Dataset
from training.data.judgements import JudgedCall
from training.data.writing.curation import Judged, curate_calls

SHIFT = datetime(2026, 1, 31, 12, tzinfo=UTC)
APP = App(name="desk", base_model="tiny")
SFT = Training(app="desk", max_rows=1000, holdout_share=0.001)


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str, *calls: ToolCall) -> Message:
    return Message(role="assistant", content=text, tool_calls=calls)


def said(
    name: str,
    *,
    by: str = "",
    source: str = "user",
    minutes: float = 2.0,
    score: float | None = None,
    rating: int | None = None,
    correction: Message | str | None = None,
    comparison: tuple[Answered, Answered] | None = None,
    event: str = "",
    signal: str | None = None,
) -> FeedbackGiven:
    """Return one judgement of the call `name`."""
    at = SHIFT + timedelta(minutes=minutes)
    return FeedbackGiven(
        event_id=event or f"{name}-{source}-{by}-{minutes}-{score}-{rating}",
        occurred_at=at,
        app="desk",
        request_id=name,
        score=score,
        rating=rating,
        correction=assistant(correction) if isinstance(correction, str) else correction,
        comparison=comparison and Comparison(preferred=comparison[0], rejected=comparison[1]),
        signal=signal,  # type: ignore[arg-type]  # one of the signals
        source=source,
        user_id=by,
    )


def call(
    name: str,
    *judgements: FeedbackGiven,
    prompt: str = "",
    answer: Message | str | None = "an answer",
    before: Sequence[Message] = (),
    minutes: float = 1.0,
    finish: str = "stop",
    slice_: str = "",
    tools: tuple[ToolDeclared, ...] = (),
    schema: str = "",
) -> JudgedCall:
    """Return a call `minutes` after the shift (negative: before)."""
    return JudgedCall(
        request_id=name,
        messages=(*before, user(prompt or f"question {name}")),
        answer=assistant(answer) if isinstance(answer, str) else answer,
        finish_reason=finish,
        error_type="",
        adapter_version="v1",
        variant="stable",
        tools=tools,
        response_schema=schema,
        slice=slice_,
        occurred_at=SHIFT + timedelta(minutes=minutes),
        judgements=judgements,
        offsets={"inference.responded.v1/0": len(name), "feedback.given.v1/0": len(judgements)},
    )


def curated(*calls: JudgedCall, app: App = APP, policy: Training = SFT, others: Sequence[JudgedCall] = ()) -> Dataset:
    known = {one.request_id: one for one in others}
    return curate_calls(Judged(calls, known), app, policy, recent_since=SHIFT, tools=TOOLS)


def lessons(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Return what is learnt: kind, answer, worse answer."""
    return sorted(
        (e.kind, e.answer.text if e.answer else "", e.rejected.text if e.rejected else "") for e in dataset.examples
    )
