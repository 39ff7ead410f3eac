"""LangChain's `ChatOpenAI` at work. Runs in .venv-clients and writes down what it got from each address."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import openai
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

ASKED = "How is the weather?"

HISTORY = [
    HumanMessage(ASKED),
    AIMessage("", tool_calls=[{"id": "call_1", "name": "weather", "args": {"city": "Paris"}}]),
    ToolMessage("21 degrees", tool_call_id="call_1"),
]


class Weather(BaseModel):
    """The form of a structured answer."""

    city: str
    degrees: int


def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"21 degrees in {city}"


def told(message: Any) -> dict[str, Any]:
    """What a message says."""
    usage = message.usage_metadata or {}
    return {
        "text": message.text,
        "calls": [[call["id"], call["name"], json.dumps(call["args"])] for call in message.tool_calls],
        "finish": message.response_metadata.get("finish_reason"),
        "usage": [usage["input_tokens"], usage["input_token_details"]["cache_read"], usage["output_tokens"]],
    }


def summed(chunks: list[Any]) -> dict[str, Any]:
    """What the chunks of a stream say together."""
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return told(whole)


async def stream_async(model: ChatOpenAI) -> dict[str, Any]:
    return summed([chunk async for chunk in model.astream(ASKED)])


def structured(model: ChatOpenAI) -> dict[str, Any]:
    """What an answer in a wished form holds."""
    found = model.with_structured_output(Weather, include_raw=True).invoke(ASKED)
    return told(found["raw"]) | {"parsed": found["parsed"].model_dump()}


def refused(model: ChatOpenAI) -> dict[str, Any]:
    """What a client sees of a 429."""
    try:
        model.invoke("status:429")
    except openai.RateLimitError as error:
        return {"status": error.status_code, "retry_after": error.response.headers.get("retry-after")}
    return {"status": 200}


Run = Callable[[Coroutine[Any, Any, Any]], Any]
CALLS: dict[str, Callable[[ChatOpenAI, Run], dict[str, Any]]] = {
    "sync": lambda model, _: told(model.invoke(ASKED)),
    "async": lambda model, run: told(run(model.ainvoke(ASKED))),
    "streamed": lambda model, _: summed(list(model.stream(ASKED))),
    "async streamed": lambda model, run: run(stream_async(model)),
    "tools": lambda model, _: told(model.bind_tools([StructuredTool.from_function(weather)]).invoke(ASKED)),
    "tool result": lambda model, _: told(model.bind_tools([StructuredTool.from_function(weather)]).invoke(HISTORY)),
    "structured": lambda model, _: structured(model),
    "refused": lambda model, _: refused(model),
}


def main(straight: str, through: str, base: str, app: str, config: str) -> None:
    """Make each call at both addresses."""
    got: dict[str, dict[str, Any]] = {}
    # One loop, for LangChain keeps its connections from one model to the next.
    with asyncio.Runner() as runner:
        for name, call in CALLS.items():
            for way, url, model in (("straight", straight, base), ("through", through, app)):
                given: Any = {"api_key": "sk-test", "max_retries": 0, "stream_usage": True}
                headers = {"x-session-id": f"langchain {name} {way}"}
                chat = ChatOpenAI(model=model, base_url=f"{url}/v1", default_headers=headers, **given)
                got.setdefault(name, {})[way] = call(chat, runner.run)
    Path(config).with_name("got.json").write_text(json.dumps(got))


if __name__ == "__main__":
    main(*sys.argv[1:])
