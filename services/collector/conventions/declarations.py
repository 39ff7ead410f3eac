"""The tools and the form of the answer that a span's call declared. Pure.

`gen_ai.tool.definitions` (OpenTelemetry GenAI), `llm.request.functions.N.*` (older OpenLLMetry),
`llm.tools.N.tool.json_schema` and `llm.invocation_parameters` (OpenInference).
"""

from collections.abc import Callable, Iterator

from schemas.declared import Declared, response_schema_of, together, tools_of
from services.collector.conventions.attributes import Attributes, decoded
from services.collector.conventions.content import with_carried
from services.collector.otlp.spans import Span

_DEFINITIONS = "gen_ai.tool.definitions"
_FUNCTIONS, _TOOLS, _JSON_SCHEMA = "llm.request.functions.", "llm.tools.", "tool.json_schema"
_PARAMETERS = "llm.invocation_parameters"
_STRUCTURED = ("gen_ai.request.structured_output_schema", "llm.request.structured_output_schema")
_FORMS = ("response_format", "text")


def declared_in(span: Span) -> Declared:
    """Return what a span says was declared; what a limit on attributes cut off is left out and counted."""
    return together(_parts(with_carried(span)))


def _parts(attributes: Attributes) -> Iterator[Declared]:
    if _DEFINITIONS in attributes:
        yield _whole(attributes[_DEFINITIONS], tools_of)
    if spread := _spread(attributes):
        yield tools_of(spread)
    for name in _STRUCTURED:
        if name in attributes:
            yield _whole(attributes[name], _as_schema)
    parameters, _ = decoded(str(attributes.get(_PARAMETERS) or "{}"))
    if isinstance(parameters, dict):
        yield tools_of(parameters.get("tools"))
        yield from (response_schema_of(name, parameters[name]) for name in _FORMS if name in parameters)


def _whole(value: object, read: Callable[[object], Declared]) -> Declared:
    if not isinstance(value, str):
        return read(value)
    found, intact = decoded(value)
    return read(found) if intact else Declared(left_out=1)


def _as_schema(value: object) -> Declared:
    return response_schema_of("json_schema", value)


def _spread(attributes: Attributes) -> list[object]:
    functions: dict[str, dict[str, object]] = {}
    tools: dict[str, object] = {}
    for name, value in attributes.items():
        if name.startswith(_FUNCTIONS):
            number, _, field = name.removeprefix(_FUNCTIONS).partition(".")
            functions.setdefault(number, {})[field] = value
        elif name.startswith(_TOOLS):
            number, _, field = name.removeprefix(_TOOLS).partition(".")
            if field == _JSON_SCHEMA:
                tools[number], _ = decoded(str(value))
    return [*functions.values(), *tools.values()]
