"""The form that a call asks its answer to have: JSON, a regular expression, calls of tools. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from services.models.tools import Tool
from services.parts.ingress.errors import Refusal

JsonSchema = dict[str, object]
_ANY_OBJECT: Mapping[str, object] = {"type": "object"}


class _NamedSchema(msgspec.Struct, frozen=True):
    schema: JsonSchema | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """OpenAI's `response_format`."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: _NamedSchema | None = None


class StructuredOutputs(msgspec.Struct, frozen=True):
    """vLLM's `structured_outputs`; its `json` may be a schema or the text of one."""

    choice: tuple[str, ...] | None = None
    json: str | JsonSchema | None = None
    regex: str | None = None
    json_object: bool | None = None
    grammar: None = None
    structural_tag: None = None


class _Function(msgspec.Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: JsonSchema | None = None


class ToolGiven(msgspec.Struct, frozen=True):
    """A tool in OpenAI's form."""

    function: _Function
    type: Literal["function"] = "function"

    @property
    def tool(self) -> Tool:
        """The tool as the model is told of it."""
        return Tool(self.function.name, self.function.description or "", self.function.parameters or {})


class _FunctionChosen(msgspec.Struct, frozen=True):
    name: str


class ToolChoice(msgspec.Struct, frozen=True):
    """`tool_choice` that names a function."""

    function: _FunctionChosen
    type: Literal["function"] = "function"


@dataclass(frozen=True, slots=True)
class Form:
    """What an answer must keep to; at most one of the first three.

    Attributes:
        schema: A JSON Schema.
        regex: What the whole text must match.
        must_call: The tools of which one at least must be called.
        tools: What the model is told of; its answer is searched for calls where there are any.
        several: Whether more than one call may be made.
    """

    schema: Mapping[str, object] | None = None
    regex: str = ""
    must_call: tuple[Tool, ...] = ()
    tools: tuple[Tool, ...] = ()
    several: bool = True

    @property
    def free(self) -> bool:
        """Whether it keeps to nothing."""
        return self.schema is None and not self.regex and not self.must_call


def form_of(
    response: ResponseFormat | None,
    structured: StructuredOutputs | None,
    *,
    tools: Sequence[ToolGiven],
    choice: ToolChoice | str | None,
    several: bool,
) -> Form:
    """Return the form that the fields of a call come to.

    Raises:
        Refusal: 400, a schema that is none, a tool that is not given, or two forms at once.
    """
    given = () if choice == "none" else tuple(tool.tool for tool in tools)
    form = Form(
        schema=_schema(response, structured),
        regex=(structured.regex or "") if structured else "",
        must_call=_must_call(given, choice),
        tools=given,
        several=several,
    )
    if (form.schema is not None) + bool(form.regex) + bool(form.must_call) > 1:
        raise Refusal(400, "an answer can keep to one form alone", param="response_format")
    return form


def _schema(response: ResponseFormat | None, structured: StructuredOutputs | None) -> Mapping[str, object] | None:
    if structured and structured.json is not None:
        return _decoded(structured.json)
    if structured and structured.json_object:
        return _ANY_OBJECT
    if response is None or response.type == "text":
        return None
    if response.type == "json_object":
        return _ANY_OBJECT
    if response.json_schema is None or response.json_schema.schema is None:
        raise Refusal(400, "`response_format.json_schema.schema` is missing", param="response_format")
    return response.json_schema.schema


def _decoded(schema: str | JsonSchema) -> JsonSchema:
    if not isinstance(schema, str):
        return schema
    try:
        return msgspec.json.decode(schema, type=JsonSchema)
    except msgspec.DecodeError as error:
        raise Refusal(400, "`structured_outputs.json` is no JSON Schema", param="structured_outputs") from error


def _must_call(given: tuple[Tool, ...], choice: ToolChoice | str | None) -> tuple[Tool, ...]:
    if isinstance(choice, ToolChoice):
        named = tuple(tool for tool in given if tool.name == choice.function.name)
        if not named:
            raise Refusal(400, "`tool_choice` names a function that is not among the tools", param="tool_choice")
        return named
    if choice == "required" and not given:
        raise Refusal(400, "`tool_choice` requires a tool and none is given", param="tool_choice")
    return given if choice == "required" else ()
