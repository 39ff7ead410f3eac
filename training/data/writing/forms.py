"""Whether an answer keeps to the form that its app and call ask for, by the scorers that watch the traffic. Pure."""

import json
from collections.abc import Callable

from schemas.configuration import App
from schemas.inference import Message
from services.scorers.behaviour.shape.forms import Form, format_scorer, tool_arguments
from services.scorers.contract import Subject
from training.data.judgements import JudgedCall

Fits = Callable[[JudgedCall, Message], bool]


def form_check(app: App) -> Fits:
    """Return what tells whether an answer to a call has the app's form.

    The call's JSON Schema and the app's schema and pattern hold for every task; an app that extracts answers with
    JSON in any case; tool calls keep to the schemas they were declared with. What can't be judged passes.
    """
    schema = json.dumps(app.answers.schema) if app.answers.schema else ""
    scorers = (
        format_scorer({app.name: Form(schema=schema, pattern=app.answers.pattern)}).score,
        tool_arguments().score,
    )

    def fits(call: JudgedCall, answer: Message) -> bool:
        subject = Subject(
            answer=answer.text,
            output=answer,
            app=app.name,
            tools=call.tools,
            response_schema=call.response_schema,
        )
        if app.does == "extract" and not _is_json(answer.text) and not (answer.tool_calls and not answer.text):
            return False
        return all(score.label != "invalid" for judge in scorers for score in judge([subject])[0])

    return fits


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
