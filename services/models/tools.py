"""Tools that a model may call, and its calls as they are read out of what it wrote.

The form is Hermes', which vLLM's parser `hermes` reads: `<tool_call>`, a line of JSON with name and arguments,
`</tool_call>`, one block a call. A block with an array of calls, as SmolLM2's function calling has it, is read as well.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

OPENING, CLOSING = "<tool_call>", "</tool_call>"
_BLOCK = re.compile(rf"{OPENING}(.*?)(?:{CLOSING}|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Called:
    """One call; `arguments` is JSON as the model wrote it, made compact."""

    name: str
    arguments: str


def calls_in(text: str) -> tuple[str, tuple[Called, ...]]:
    """Return what an answer says besides its calls, and the calls.

    A block that is none of calls leaves the whole answer as it is, without calls.
    """
    calls: list[Called] = []
    for block in _BLOCK.findall(text):
        found = _calls_of(block)
        if not found:
            return text, ()
        calls += found
    return (_BLOCK.sub("", text).strip(), tuple(calls)) if calls else (text, ())


def _calls_of(block: str) -> list[Called]:
    try:
        value = json.loads(block)
    except ValueError:
        return []
    several = value if isinstance(value, list) else [value]
    calls = [_call_of(entry) for entry in several]
    return [call for call in calls if call] if all(calls) else []


def _call_of(entry: object) -> Called | None:
    match entry:
        case {"name": str() as name, "arguments": dict() as arguments}:
            return Called(name, json.dumps(arguments, ensure_ascii=False))
    return None
