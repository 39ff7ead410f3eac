"""Conversations with tools as tokens: what is learnt is encoded as what is served.

A chat template that knows tools gets calls and declarations as vLLM hands them over. One that does not is told of no
declaration, by any server, so the app has to put them into its system prompt; a call is then the text that Hermes
models write and vLLM's parser `hermes` reads: `<tool_call>`, a line of JSON with name and arguments, `</tool_call>`.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from transformers import PreTrainedTokenizerBase

from schemas.inference import Message, ToolCall, ToolDeclared
from services.models.tools import CLOSING, OPENING, Tool

_SPOKEN = {"developer": "system", "other": "user"}
_Chat = list[dict[str, object]]


def prompt_tokens(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Sequence[Tool | ToolDeclared] = ()
) -> list[int]:
    """Return the tokens of a conversation up to where the assistant's answer begins.

    Args:
        messages: The conversation.
        tools: What is declared: as a request has it, or as a record, which holds no descriptions.
    """
    return _tokens(tokenizer, chat_of(tokenizer, messages), tools, answering=True)


def answer_tokens(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    answer: Message,
    *,
    tools: Sequence[ToolDeclared] = (),
    ends: Collection[int],
) -> list[int]:
    """Return the tokens of an answer after its prompt's, with one end mark, the last.

    Args:
        messages: What it answers.
        answer: An assistant's message.
        tools: What was declared.
        ends: Tokens that generation stops at, from services.models.end_marks.
    """
    chat = chat_of(tokenizer, messages)
    prompt = _tokens(tokenizer, chat, tools, answering=True)
    whole = _tokens(tokenizer, [*chat, *chat_of(tokenizer, [answer])], tools, answering=False)
    if whole[: len(prompt)] == prompt:
        ids = whole[len(prompt) :]
    else:
        # The template rewrites what came before an answer: the answer alone is what the model has to write.
        ids = tokenizer(spoken(answer), add_special_tokens=False)["input_ids"]
    end = next((at for at, token in enumerate(ids) if token in ends), len(ids))
    return [*ids[:end], ids[end] if end < len(ids) else tokenizer.eos_token_id]


def chat_of(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> _Chat:
    """Return messages as the tokenizer's chat template takes them."""
    knows = "tool_calls" in _template(tokenizer)
    return [_templated(message, knows_tools=knows) for message in messages]


def spoken(message: Message) -> str:
    """Return a message as a text, its tool calls in Hermes' form."""
    calls = [
        f"{OPENING}\n{msgspec.json.encode({'name': call.name, 'arguments': _arguments(call)}).decode()}\n{CLOSING}"
        for call in message.tool_calls
    ]
    return "\n".join(part for part in (message.text, *calls) if part)


def _tokens(tokenizer: Any, chat: _Chat, tools: Sequence[Tool | ToolDeclared], *, answering: bool) -> list[int]:
    declared = [_declared(tool) for tool in tools] if "tools" in _template(tokenizer) else []
    ids: list[int] = tokenizer.apply_chat_template(
        chat, tools=declared or None, add_generation_prompt=answering, tokenize=True, return_dict=False
    )
    return ids


def _templated(message: Message, *, knows_tools: bool) -> dict[str, object]:
    role = _SPOKEN.get(message.role, message.role)
    if not knows_tools or not (message.tool_calls or message.tool_call_id):
        return {"role": role, "content": spoken(message)}
    shown: dict[str, object] = {"role": role, "content": message.text}
    if message.tool_calls:
        shown["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        shown["tool_call_id"] = message.tool_call_id
    return shown


def _arguments(call: ToolCall) -> object:
    """Return the arguments decoded, as vLLM gives them to a template; what is no JSON stays a text."""
    return _decoded(call.arguments or "{}", call.arguments)


def _declared(tool: Tool | ToolDeclared) -> dict[str, object]:
    function: dict[str, object] = {"name": tool.name}
    if isinstance(tool, ToolDeclared):
        function["parameters"] = _decoded(tool.schema, {})
    else:
        function |= {"description": tool.description} if tool.description else {}
        function["parameters"] = dict(tool.parameters)
    return {"type": "function", "function": function}


def _decoded(text: str, otherwise: object) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return otherwise


def _template(tokenizer: Any) -> str:
    return str(tokenizer.get_chat_template())
