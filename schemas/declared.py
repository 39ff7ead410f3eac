"""What a call declares beside its messages, in the bounds of its record: tools, and the form of its answer.

Pure. Tools and forms are read in the dialects of OpenAI's APIs, vLLM, llama.cpp, Anthropic and OpenTelemetry. What
is too large or can't be read is left out and counted, never cut: half a schema would judge answers wrongly.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from schemas.inference import LONGEST_SCHEMA, MOST_TOOLS, ToolDeclared

MOST_CHARACTERS = 3 * LONGEST_SCHEMA
"""Of the schemas of all tools of a call together."""
_LONGEST_NAME = 256
_KINDS = ("function", "custom", "tool")
_SCHEMAS = ("parameters", "input_schema", "inputSchema", "json_schema")
_ANY_OBJECT = '{"type":"object"}'
_NOT_ENCODED = (TypeError, ValueError, OverflowError, RecursionError)


class Declared(msgspec.Struct, frozen=True):
    """What a call declares; `left_out` counts what is missing from it."""

    tools: tuple[ToolDeclared, ...] = ()
    response_schema: str = ""
    left_out: int = 0


NOTHING_DECLARED = Declared()


def tools_of(value: object) -> Declared:
    """Return the functions in a decoded list of tools; a tool of another kind has no arguments of ours to judge.

    A tool whose schema has no room stays by its name, so that a call to it is no call to an unknown one.
    """
    told = [tool for wire in (value if isinstance(value, list) else ()) if (tool := _tool(wire)) is not None]
    kept: list[ToolDeclared] = []
    left_out, room = max(0, len(told) - MOST_TOOLS), MOST_CHARACTERS
    for tool in told[:MOST_TOOLS]:
        fits = len(tool.schema) <= min(LONGEST_SCHEMA, room)
        kept.append(tool if fits else ToolDeclared(name=tool.name))
        room -= len(tool.schema) if fits else 0
        left_out += not fits
    return Declared(tuple(kept), left_out=left_out)


def response_schema_of(name: str, value: object) -> Declared:
    """Return the JSON Schema in a decoded member of a request that asks for a form; nothing where it asks for none.

    Args:
        name: The member's: `response_format`, `text`, `guided_json`, `structured_outputs`, `json_schema`.
        value: The member.
    """
    schema = _asked(name, value)
    if schema is None or schema == "":
        return NOTHING_DECLARED
    text = schema if isinstance(schema, str) else _text(schema)
    fits = 0 < len(text) <= LONGEST_SCHEMA
    return Declared(response_schema=text) if fits else Declared(left_out=1)


def together(parts: Iterable[Declared]) -> Declared:
    """Return what several members of a request declare; of several schemas the first."""
    tools: tuple[ToolDeclared, ...] = ()
    schema, left_out = "", 0
    for part in parts:
        tools, schema = tools or part.tools, schema or part.response_schema
        left_out += part.left_out
    return Declared(tools, schema, left_out)


def _tool(wire: object) -> ToolDeclared | None:
    outer = _mapping(wire)
    function = _mapping(outer.get("function")) or outer
    name = function.get("name")
    if outer.get("type", "function") not in _KINDS:
        return None
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        return None
    schema = next((function[key] for key in _SCHEMAS if function.get(key) is not None), None)
    return ToolDeclared(name=name, schema=schema if isinstance(schema, str) else _text(schema))


def _asked(name: str, value: object) -> object:
    wire = _mapping(value)
    match name:
        case "guided_json" | "json_schema":
            return value
        case "structured_outputs":
            return wire.get("json")
        case "text":
            return _asked("response_format", wire.get("format"))
    if wire.get("type") == "json_object":
        return wire.get("schema") or _ANY_OBJECT
    inner = _mapping(wire.get("json_schema"))
    return inner.get("schema") if inner else wire.get("schema")


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """Return a value's JSON; of what has none a text that fits nowhere, so that it is counted."""
    if value is None:
        return ""
    try:
        return msgspec.json.encode(value).decode()
    except _NOT_ENCODED:
        return " " * (LONGEST_SCHEMA + 1)
