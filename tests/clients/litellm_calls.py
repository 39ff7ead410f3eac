"""LiteLLM's SDK at work, with driftloop's callback switched on as its proxy does that. Runs in .venv-clients.

Writes down what it got of each kind of call from each address. The callback is told nothing at the end: what is
still queued has to leave with the process.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import litellm
from litellm.proxy.types_utils.utils import get_instance_fn
from pydantic import BaseModel

ASKED = [{"role": "user", "content": "How is the weather?"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]

ARGUMENTS = '{"city": "Paris"}'
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
HISTORY = [
    *ASKED,
    litellm.Message(role="assistant", content=None, tool_calls=[CALL]),
    {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
]


class Weather(BaseModel):
    """The form of a structured answer."""

    city: str
    degrees: int


def told(answer: Any) -> dict[str, Any]:
    """What a chat answered."""
    choice = answer.choices[0]
    calls = [[call.id, call.function.name, call.function.arguments] for call in choice.message.tool_calls or ()]
    usage = answer.usage
    return {
        "text": choice.message.content,
        "calls": calls,
        "finish": choice.finish_reason,
        "usage": [usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens],
    }


def streamed(chunks: list[Any]) -> dict[str, Any]:
    """What a stream answered."""
    return told(litellm.stream_chunk_builder(chunks))


async def chat_async(**given: Any) -> dict[str, Any]:
    return told(await litellm.acompletion(messages=ASKED, **given))


async def stream_async(**given: Any) -> dict[str, Any]:
    usage = {"include_usage": True}
    stream = await litellm.acompletion(messages=ASKED, stream=True, stream_options=usage, **given)
    return streamed([chunk async for chunk in stream])


def refused(**given: Any) -> dict[str, Any]:
    """What a client sees of a 429."""
    try:
        litellm.completion(messages=[{"role": "user", "content": "status:429"}], **given)
    except litellm.RateLimitError as error:
        headers = error.litellm_response_headers or {}  # its `response` is one of its own making
        return {"status": error.status_code, "retry_after": headers.get("retry-after")}
    return {"status": 200}


Call = Callable[..., dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]]
CALLS: dict[str, Call] = {
    "sync": lambda **given: told(litellm.completion(messages=ASKED, **given)),
    "async": chat_async,
    "streamed": lambda **given: streamed(
        list(litellm.completion(messages=ASKED, stream=True, stream_options={"include_usage": True}, **given))
    ),
    "async streamed": stream_async,
    "tools": lambda **given: told(litellm.completion(messages=ASKED, tools=TOOLS, **given)),
    "tool result": lambda **given: told(litellm.completion(messages=HISTORY, tools=TOOLS, **given)),
    "structured": lambda **given: told(litellm.completion(messages=ASKED, response_format=Weather, **given)),
    "refused": refused,
}


def given(session: str, url: str, model: str) -> dict[str, Any]:
    """Return what all calls are told."""
    return {
        "model": f"openai/{model}",
        "api_base": f"{url}/v1",
        "api_key": "sk-test",
        "max_retries": 0,
        "extra_headers": {"x-session-id": session},
        "metadata": {"session_id": session},
        "user": "ada",
    }


def main(straight: str, through: str, base: str, app: str, config: str) -> None:
    """Make each call at both addresses."""
    litellm.callbacks = [get_instance_fn("litellm_callback.driftloop", config_file_path=config)]
    got: dict[str, dict[str, Any]] = {}
    with asyncio.Runner() as runner:
        for name, call in CALLS.items():
            for way, url, model in (("straight", straight, base), ("through", through, app)):
                answer = call(**given(f"litellm {name} {way}", url, model))
                got.setdefault(name, {})[way] = runner.run(answer) if isinstance(answer, Coroutine) else answer
    Path(config).with_name("got.json").write_text(json.dumps(got))


if __name__ == "__main__":
    main(*sys.argv[1:])
