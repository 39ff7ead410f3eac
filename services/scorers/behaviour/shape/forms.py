"""Does an answer keep to the form that was asked for: the call's JSON Schema, the app's, a pattern, its labels?

And do the arguments of its tool calls keep to the schemas that the tools were declared with?
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from schemas.inference import ToolCall, ToolDeclared
from services.scorers.behaviour.rows import Row, SingleScorer, judged
from services.scorers.behaviour.shape.json_schema import JsonSchema, Unusable, pattern_of
from services.scorers.behaviour.texts import mended
from services.scorers.contract import Card, Measure, Subject, unjudged

FORMAT = Measure(name="response.format", unit="probability", direction="higher is better", labels=("invalid", "valid"))
ARGUMENTS = Measure(
    name="response.tool_arguments", unit="ratio", direction="higher is better", labels=("invalid", "valid")
)
LONGEST_ANSWER = 200_000
MOST_CALLS = 128
_FENCE = "```"
_UNREADABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
_STANDARD = "JSON Schema 2020-12 (json-schema.org), judged with bounded fuel; patterns of RE2 (Cox 2010)."

FORMAT_CARD = Card(
    name="format",
    version="1",
    side="response",
    measures=(FORMAT,),
    cost="cheap",
    source=_STANDARD,
    blind_spots="Form, not content. `format` keywords, unevaluated properties, references to other documents, and "
    "patterns that look around or back are not judged.",
)
ARGUMENTS_CARD = Card(
    name="tool-arguments",
    version="1",
    side="response",
    measures=(ARGUMENTS,),
    cost="cheap",
    source=_STANDARD,
    blind_spots="Whether the right tool was called with the right values. A tool whose schema was not recorded is "
    "judged by its arguments' being a JSON object alone.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What every answer of an app should look like; what is empty asks for nothing.

    Attributes:
        schema: JSON Schema of the answer, as text.
        pattern: RE2 expression that the whole answer matches.
        labels: Answers are one of these, blanks around them aside.
    """

    schema: str = ""
    pattern: str = ""
    labels: tuple[str, ...] = ()


NO_FORM = Form()


def format_scorer(forms: Mapping[str, Form]) -> SingleScorer:
    """Return the scorer of answers' forms.

    Args:
        forms: By app.
    """
    return SingleScorer(FORMAT_CARD, lambda subject: _judge(subject, forms.get(subject.app, NO_FORM)))


def tool_arguments() -> SingleScorer:
    """Return the scorer of tool calls."""
    return SingleScorer(ARGUMENTS_CARD, _judge_calls)


def _judge(subject: Subject, form: Form) -> Row:
    if not (subject.response_schema or form.schema or form.pattern or form.labels):
        return unjudged(FORMAT_CARD, "no form was asked for")
    if subject.output is not None and subject.output.tool_calls and not subject.answer:
        return unjudged(FORMAT_CARD, "the answer is tool calls alone")
    if len(subject.answer) > LONGEST_ANSWER:
        return unjudged(FORMAT_CARD, f"longer than {LONGEST_ANSWER} characters")
    try:
        fault = _fault_of(mended(subject.answer).strip(), subject.response_schema, form)
    except Unusable as error:
        return unjudged(FORMAT_CARD, str(error))
    return (judged(FORMAT, not fault, "invalid" if fault else "valid", *((fault,) if fault else ())),)


def _fault_of(answer: str, asked: str, form: Form) -> str:
    """Return what is wrong with an answer: fenced, not-json, schema, pattern, label; empty when nothing is."""
    for schema in (asked, form.schema):
        if schema and (fault := _json_fault(answer, schema)):
            return fault
    if form.pattern and pattern_of(form.pattern).fullmatch(answer) is None:
        return "pattern"
    return "label" if form.labels and answer not in form.labels else ""


def _json_fault(answer: str, schema: str) -> str:
    checked = schema_of(schema)
    try:
        value = msgspec.json.decode(answer)
    except _UNREADABLE:
        return "fenced" if answer.startswith(_FENCE) else "not-json"
    return "" if checked(value) else "schema"


def _judge_calls(subject: Subject) -> Row:
    calls = subject.output.tool_calls if subject.output else ()
    if not calls:
        return unjudged(ARGUMENTS_CARD, "no tool was called")
    if not subject.tools:
        return unjudged(ARGUMENTS_CARD, "no tools were declared")
    if len(calls) > MOST_CALLS:
        return unjudged(ARGUMENTS_CARD, f"more than {MOST_CALLS} tool calls")
    declared = {tool.name: tool for tool in subject.tools}
    try:
        faults = [_call_fault(call, declared.get(call.name)) for call in calls]
    except Unusable as error:
        return unjudged(ARGUMENTS_CARD, str(error))
    kinds = sorted({fault for fault in faults if fault})
    return (judged(ARGUMENTS, faults.count("") / len(faults), "invalid" if kinds else "valid", *kinds),)


def _call_fault(call: ToolCall, tool: ToolDeclared | None) -> str:
    if tool is None:
        return "undeclared-tool"
    if len(call.arguments) > LONGEST_ANSWER:
        raise Unusable(f"longer than {LONGEST_ANSWER} characters")
    try:
        value = msgspec.json.decode(mended(call.arguments) or "{}")
    except _UNREADABLE:
        return "not-json"
    if not tool.schema:
        return "" if isinstance(value, dict) else "schema"
    return "" if schema_of(tool.schema)(value) else "schema"


@lru_cache(256)
def schema_of(text: str) -> Callable[[object], bool]:
    """Return what judges values by a schema; what can't, raises when it is asked to."""
    try:
        return JsonSchema(text).holds
    except Unusable as error:
        reason = str(error)

    def unusable(_: object) -> bool:
        raise Unusable(reason)

    return unusable
