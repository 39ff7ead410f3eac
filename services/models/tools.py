"""Tools in a conversation: how a model is told of them and in which form it calls them.

Serving reads what training teaches, so both use one form, that of SmolLM2's function calling:
`<tool_call>[{"name": "f", "arguments": {...}}]</tool_call>`. One call without the brackets, or several blocks, as
Hermes and Qwen write them, are read as well.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerBase

OPENING, CLOSING = "<tool_call>", "</tool_call>"
_BLOCK = re.compile(rf"{OPENING}(.*?)(?:{CLOSING}|\Z)", re.DOTALL)
_INSTRUCTION = (
    "You can call these functions, each given with the JSON Schema of its arguments:\n<tools>{tools}</tools>\n"
    "To call some, answer with nothing but\n"
    f'{OPENING}[{{{{"name": "function", "arguments": {{{{}}}}}}}}]{CLOSING}\n'
    "Where none fits, answer in words."
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def declared(self) -> dict[str, object]:
        """The tool as OpenAI writes it and chat templates take it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Called:
    """One call; `arguments` is JSON as the model wrote it, made compact."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: str
    content: str
    calls: tuple[Called, ...] = ()


def tool_prompt_ids(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Turn], tools: Sequence[Tool]) -> list[int]:
    """Return the tokens of a conversation with tools up to where the assistant's answer begins.

    The model's own chat template tells of tools where it can; else an instruction ahead of the system message does.
    """
    knows = "tools" in str(tokenizer.chat_template or "")
    messages = [_templated(turn) for turn in turns] if knows else spelled_out(turns, tools)
    ids: list[int] = tokenizer.apply_chat_template(
        messages,
        tools=[tool.declared for tool in tools] if knows and tools else None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    return ids


def spelled_out(turns: Sequence[Turn], tools: Sequence[Tool]) -> list[dict[str, str]]:
    """Return the conversation as plain messages, for a template that knows nothing of tools."""
    messages = [_plain(turn) for turn in turns]
    if not tools:
        return messages
    declared = json.dumps([tool.declared["function"] for tool in tools], ensure_ascii=False)
    instruction = _INSTRUCTION.format(tools=declared)
    if messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{instruction}\n\n{messages[0]['content']}"}, *messages[1:]]
    return [{"role": "system", "content": instruction}, *messages]


def written(calls: Sequence[Called]) -> str:
    """Return calls as a model writes them."""
    listed = ", ".join(f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in calls)
    return f"{OPENING}[{listed}]{CLOSING}"


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


def _plain(turn: Turn) -> dict[str, str]:
    if turn.calls:
        content = "\n".join(part for part in (turn.content, written(turn.calls)) if part)
        return {"role": turn.role, "content": content}
    if turn.role == "tool":
        return {"role": "user", "content": f"<tool_response>\n{turn.content}\n</tool_response>"}
    return {"role": turn.role, "content": turn.content}


def _templated(turn: Turn) -> dict[str, object]:
    if not turn.calls:
        return {"role": turn.role, "content": turn.content}
    calls = [
        {"type": "function", "function": {"name": call.name, "arguments": json.loads(call.arguments)}}
        for call in turn.calls
    ]
    return {"role": turn.role, "content": turn.content, "tool_calls": calls}
