"""From OpenTelemetry's event `gen_ai.evaluation.result` to feedback. Pure.

It stands on a span, or is a log record; docs/feedback.md says what becomes of each of its attributes. What it
judges is the answer of `gen_ai.response.id`, without that the one of the call whose span it belongs to.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.configuration import App
from schemas.feedback import FeedbackGiven
from schemas.ids import derived_id
from services.collector.conventions.attributes import NAME_LENGTH, Attributes, first, number, text
from services.collector.conventions.calls import (
    REQUEST_MODEL,
    TENANT,
    app_among,
    instant,
    is_inference,
    request_id_of,
)
from services.collector.otlp.spans import LogRecord, Span
from services.collector.verdicts import Rejected

EVENT = "gen_ai.evaluation.result"
SOURCE = "program"
_VALUE, _LABEL = ("gen_ai.evaluation.score.value",), ("gen_ai.evaluation.score.label",)
_NAME, _EXPLANATION = ("gen_ai.evaluation.name",), ("gen_ai.evaluation.explanation",)
_ANSWER = ("gen_ai.response.id",)
_LONGEST_COMMENT, _LOWEST, _HIGHEST = 8192, 1, 5
_GOOD = frozenset({"pass", "passed", "correct", "relevant", "true", "yes", "good"})
_BAD = frozenset({"fail", "failed", "incorrect", "not_correct", "irrelevant", "not_relevant", "false", "no", "bad"})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation event and where it stands.

    Attributes:
        around: Attributes of the span that it is on, and of the resource.
        request_id: Of the call that it belongs to; empty where nobody says.
        place: Ids of trace and span.
    """

    attributes: Attributes
    around: tuple[Attributes, ...]
    time_ns: int
    request_id: str
    place: tuple[str, str]

    @property
    def answer_id(self) -> str:
        """The id of the judged answer; empty where nobody says."""
        told = text(self.attributes, _ANSWER)
        return told if 0 < len(told) <= NAME_LENGTH else self.request_id


def evaluations_on(span: Span) -> Iterator[Evaluation]:
    """Yield the evaluations among a span's events. Only the span of a call says whose answer it is."""
    for event in span.events:
        if event.name == EVENT:
            request_id = request_id_of(span) if is_inference(span) else ""
            around = (span.attributes, span.resource)
            yield Evaluation(event.attributes, around, event.time_ns, request_id, (span.trace_id, span.span_id))


def evaluation_in(log: LogRecord, answer_of: Callable[[str, str], str]) -> Evaluation | None:
    """Return the evaluation that a log record is; None where it is none.

    Args:
        answer_of: Returns the id of the answer that a span told of, by trace and span; empty where nobody knows.
    """
    if log.name != EVENT:
        return None
    place = (log.trace_id, log.span_id)
    told = all(part.strip("0") for part in place)
    request_id = (answer_of(*place) or "-".join(place)) if told else ""
    return Evaluation(log.attributes, (log.resource,), log.time_ns, request_id, place)


def feedback_of(evaluation: Evaluation, apps: Mapping[str, App], now: datetime) -> FeedbackGiven:
    """Return the judgement that an evaluation is; who gives it is the evaluator of its name.

    Raises:
        Rejected: It failed, judges no answer that anybody names, or says nothing that is a judgement; or its app is
            not configured.
    """
    attributes = evaluation.attributes
    if "error.type" in attributes:
        raise Rejected("the evaluation failed")
    if not evaluation.answer_id:
        raise Rejected("the evaluation names no answer: it has no gen_ai.response.id and stands on no call's span")
    app = _app_of(evaluation, apps)
    score, rating, label = _judgement(attributes, app)
    name = text(attributes, _NAME)[:NAME_LENGTH]
    told = (text(attributes, _VALUE), text(attributes, _LABEL))
    return FeedbackGiven(
        event_id=derived_id(
            "otlp",
            EVENT,
            *evaluation.place,
            evaluation.answer_id,
            name,
            evaluation.time_ns,
            str(number(told[0])),
            told[1],
        ),
        occurred_at=instant(evaluation.time_ns) if evaluation.time_ns else now,
        app=app.name,
        model=app.base_model,
        tenant=next(filter(None, (text(each, TENANT) for each in (attributes, *evaluation.around))), ""),
        request_id=evaluation.answer_id,
        label=label,
        score=score,
        rating=rating,
        source=SOURCE,
        user_id=name,
        comment=text(attributes, _EXPLANATION)[:_LONGEST_COMMENT],
    )


def _app_of(evaluation: Evaluation, apps: Mapping[str, App]) -> App:
    every = (evaluation.attributes, *evaluation.around)
    named = [each.get("driftloop.app") for each in every]
    named += [first(each, REQUEST_MODEL) for each in every]
    return app_among(apps, [*named, evaluation.around[-1].get("service.name")])


def _judgement(attributes: Attributes, app: App) -> tuple[float | None, int | None, str | None]:
    """Return score, rating and label, one of them."""
    told = first(attributes, _VALUE)
    if told is None:
        return _worded(text(attributes, _LABEL), app)
    value = number(told)
    if value is None:
        raise Rejected("the evaluation's score is no number")
    rates = "rating" in text(attributes, _NAME).lower()
    if rates and value.is_integer() and _LOWEST <= value <= _HIGHEST:
        return None, int(value), None
    if 0 <= value <= 1:
        return value, None, None
    wanted = f"a rating is a whole number, {_LOWEST} to {_HIGHEST}" if rates else "a score is 0 to 1"
    raise Rejected(f"the evaluation's score is out of range: {wanted}")


def _worded(label: str, app: App) -> tuple[float | None, int | None, str | None]:
    known = {name.casefold(): name for name in app.labels}
    if (name := known.get(label.strip().casefold())) is not None:
        return None, None, name
    word = "_".join(label.casefold().replace("-", " ").replace("_", " ").split())
    if word in _GOOD | _BAD:
        return float(word in _GOOD), None, None
    raise Rejected("the evaluation's label is neither one of the app's nor a known word for good or bad")
