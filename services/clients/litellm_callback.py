"""LiteLLM's callback: each call of its SDK or proxy goes to the collector, and no call waits for that.

This file imports the standard library and, where there is one, LiteLLM: it runs in LiteLLM's environment, named
among its `callbacks` or copied beside the proxy's configuration, and is one file so that one is to be copied. It
reads LiteLLM's StandardLoggingPayload.

Order of effects: 1. a call becomes two CloudEvents and is queued, 2. one thread sends the queue, oldest first,
and sends again what the collector has not judged. The ids are derived from the call's, so what arrives twice is
stored once. What does not fit in the queue is dropped, counted and told in the log.
"""

import atexit
import json
import logging
import os
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

try:
    from litellm.integrations.custom_logger import CustomLogger
except ImportError:  # outside of LiteLLM's environment
    CustomLogger = object

_LOG = logging.getLogger("driftloop.litellm")
_ROLES = ("system", "developer", "user", "assistant", "tool")
_SECRET = re.compile(r"(?i)bearer\s+\S+|\bsk-[\w*.-]{6,}")
_MOST_CALLS = 500  # of a batch
_MOST_BYTES = 900_000  # of an event
_KEPT_CHARACTERS = 60_000  # of a text in an event that would be larger
_MOST_TOOLS = 128  # the collector's bounds of what a call declares
_LONGEST_NAME = 256
_LONGEST_SCHEMA = 16_384
_MOST_SCHEMAS = 3 * _LONGEST_SCHEMA  # of all tools of a call together
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wishes:
    """Where calls go, and bounds.

    Attributes:
        app: The app of every call; empty has the model group, or else the model, name it.
        key: Sent as a bearer token; empty sends none.
        waiting_bytes: Of the queue.
        flush_s: How long the end of the process may wait for the queue.
        first_wait_s: Between two attempts; doubled from one to the next, up to `longest_wait_s`.
        tell_every_s: Between two lines that tell of losses.
    """

    url: str = "http://127.0.0.1:18090"
    app: str = ""
    key: str = ""
    waiting_bytes: int = 64 << 20
    batch_bytes: int = 1 << 20
    flush_s: float = 5.0
    timeout_s: float = 10.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    tell_every_s: float = 60.0

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("DRIFTLOOP_COLLECTOR_URL is no http:// or https:// address")

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> "Wishes":
        """Return what `DRIFTLOOP_COLLECTOR_URL`, `DRIFTLOOP_APP` and `DRIFTLOOP_KEY` say."""
        url = environment.get("DRIFTLOOP_COLLECTOR_URL", Wishes().url)
        return Wishes(url, environment.get("DRIFTLOOP_APP", ""), environment.get("DRIFTLOOP_KEY", ""))


class DriftloopCallback(CustomLogger):  # type: ignore[misc]  # LiteLLM is not there when types are checked
    """The callback. It reads the environment at the first call, starts a thread then, and never raises."""

    def __init__(self, wishes: Wishes | None = None) -> None:
        super().__init__()
        self._wishes = wishes
        self._lock = threading.Lock()
        self._sender: Sender | None = None
        self._complaints: set[str] = set()
        atexit.register(self.close)

    @property
    def sender(self) -> "Sender":
        """The sender of this process; a forked worker gets one of its own."""
        with self._lock:
            if self._sender is None or self._sender.process != os.getpid():
                self._sender = Sender(self._wishes or Wishes.from_environment(os.environ))
            return self._sender

    def close(self) -> None:
        """Send what is queued, for at most `flush_s`; called at the interpreter's end."""
        self._guarded(lambda: self.sender.close())

    def log_success_event(self, kwargs: Fields, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Queue a call that was answered."""
        self._queue(kwargs)

    def log_failure_event(self, kwargs: Fields, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Queue a call that failed."""
        self._queue(kwargs)

    async def async_log_success_event(self, kwargs: Fields, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Queue a call that was answered."""
        self._queue(kwargs)

    async def async_log_failure_event(self, kwargs: Fields, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Queue a call that failed."""
        self._queue(kwargs)

    def _queue(self, kwargs: Fields) -> None:
        self._guarded(lambda: self.sender.offer(b",".join(events_of(kwargs, self.sender.wishes.app))))

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  # whatever LiteLLM's next release hands over, its calls go on
            # Of the error's words none: they may hold what a user wrote.
            complaint = f"{type(error).__name__} in line {_line_of(error)}"
            if complaint not in self._complaints:
                self._complaints.add(complaint)
                _LOG.warning("driftloop: a call is not recorded, nor are others like it: %s", complaint)


class Sender:
    """A bounded queue of calls, and the thread that sends it, which the first call starts.

    Attributes:
        dropped: Calls that were not sent: the queue was full, or the process ended.
        rejected: Events that the collector refused for what they say.
    """

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.process = os.getpid()
        self.dropped = self.rejected = 0
        self._told = (0, 0)
        self._told_at = float("-inf")
        self._reason = ""
        self._calls: deque[bytes] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._away = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Calls that the collector has not judged yet."""
        return len(self._calls)

    def offer(self, events: bytes) -> None:
        """Queue the events of a call, or drop and count it, without waiting for the collector.

        But at the end of the process: LiteLLM hands over its last calls when no thread can be started any more.
        """
        with self._changed:
            if self._bytes + len(events) > self.wishes.waiting_bytes:
                self.dropped += 1
                return
            self._calls.append(events)
            self._bytes += len(events)
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="driftloop-sender", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        if self._closing.is_set() and not self._thread_lives:
            self._end()

    def close(self) -> None:
        """Send what is queued, for at most `flush_s`; the rest is dropped and told."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(self.wishes.flush_s)
        self._end()

    @property
    def _thread_lives(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _end(self) -> None:
        while self._calls and not self._away and not self._thread_lives and self._attempt(self._oldest()) is None:
            pass
        with self._changed:
            self.dropped += len(self._calls)
            self._forget(list(self._calls))
        self._tell(every_s=0.0)

    def _run(self) -> None:
        wait_s = 0.0
        while batch := self._next_batch():
            asked_s = self._attempt(batch)
            wait_s = (
                0.0 if asked_s is None else min(max(2 * wait_s, self.wishes.first_wait_s), self.wishes.longest_wait_s)
            )
            self._tell(every_s=self.wishes.tell_every_s)
            if asked_s is not None and self._closing.wait(max(asked_s, wait_s * random.uniform(0.75, 1.0))):
                time.sleep(0.1)

    def _next_batch(self) -> list[bytes]:
        """Wait for calls and return the oldest, which stay queued; none when closing and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._closing.is_set())
            return self._oldest()

    def _oldest(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        for events in self._calls:
            size += len(events)
            if batch and (size > self.wishes.batch_bytes or len(batch) == _MOST_CALLS):
                break
            batch.append(events)
        return batch

    def _forget(self, batch: list[bytes]) -> None:
        for events in batch:
            if self._calls and self._calls[0] is events:
                self._bytes -= len(self._calls.popleft())

    def _attempt(self, batch: list[bytes]) -> float | None:
        """Send a batch; None when the collector has judged it, else for how many seconds it wants none."""
        try:
            status, body, retry_after = self._posted(b"[" + b",".join(batch) + b"]")
            rejected = _rejected(status, body)
        except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
            return self._unsent(type(error).__name__, "")
        if rejected is None:
            return self._unsent(f"HTTP {status}", retry_after)
        if self._away:
            self._away = False
            _LOG.warning("driftloop: the collector takes calls again")
        with self._changed:
            self._forget(batch)
        self.rejected += len(rejected)
        self._reason = rejected[0] if rejected else self._reason
        return None

    def _unsent(self, reason: str, retry_after: str) -> float:
        if not self._away:
            self._away = True
            _LOG.warning("driftloop: the collector does not take calls (%s); %d wait", reason, self.waiting)
        return min(float(retry_after), self.wishes.longest_wait_s) if retry_after.isdigit() else 0.0

    def _posted(self, body: bytes) -> tuple[int, bytes, str]:
        parts = urlsplit(self.wishes.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        if self.wishes.key:
            headers["Authorization"] = f"Bearer {self.wishes.key}"
        timeout_s = min(self.wishes.timeout_s, self.wishes.flush_s) if self._closing.is_set() else self.wishes.timeout_s
        with closing(kind(parts.netloc, timeout=timeout_s)) as connection:
            connection.request("POST", parts.path.rstrip("/") + "/v1/events", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Retry-After") or ""

    def _tell(self, *, every_s: float) -> None:
        now, counts = time.monotonic(), (self.dropped, self.rejected)
        if counts == self._told or now - self._told_at < every_s:
            return
        self._told, self._told_at = counts, now
        why = f"; last reason: {self._reason}" if self._reason else ""
        _LOG.warning("driftloop: %d calls dropped for want of room, %d events rejected so far%s", *counts, why)


def _rejected(status: int, body: bytes) -> list[str] | None:
    """Return why events of a batch were refused for good; None when there is no verdict on it."""
    if status not in (202, 207, 400):
        return None
    return [str(rejection["reason"]) for rejection in json.loads(body)["rejected"]]


def _line_of(error: Exception) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        line, trace = trace.tb_lineno, trace.tb_next
    return line


def events_of(kwargs: Fields, app: str) -> tuple[bytes, bytes]:
    """Return the CloudEvents of a call's arrival and of its end.

    Raises:
        LookupError, TypeError: LiteLLM handed over no payload, or one of another form.
    """
    told = kwargs["standard_logging_object"]
    call = told.get("litellm_call_id") or kwargs.get("litellm_call_id") or told["id"]
    name = f"{call}/{told['startTime']}/{told.get('status')}"
    asked = _asked(kwargs, told, app)
    answered = {**asked, **(_failed(kwargs, told) if told.get("status") == "failure" else _answered(told))}
    return _event("requested", name, asked), _event("responded", name, answered)


def _event(fact: str, name: str, data: dict[str, Any]) -> bytes:
    envelope = {"specversion": "1.0", "source": "litellm", "id": f"{name}/{fact}", "type": f"inference.{fact}.v1"}
    event = json.dumps({**envelope, "data": data}, default=str).encode()
    return (
        event if len(event) <= _MOST_BYTES else json.dumps({**envelope, "data": _shortened(data)}, default=str).encode()
    )


def _shortened(data: dict[str, Any]) -> dict[str, Any]:
    """Return data with its last question and its answer cut; the tag `truncated` says so."""
    messages = data["messages"]
    last = next((message for message in reversed(messages) if message["role"] == "user"), (messages or [None])[-1])
    cut = {**data, "messages": [_cut(last)] if last else [], "tags": {**data["tags"], "truncated": "true"}}
    if "output" in cut:
        cut |= {"output": _cut(cut["output"]), "choices": [], "reasoning": cut["reasoning"][: _KEPT_CHARACTERS // 4]}
    return cut


def _cut(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    text = content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
    return {"role": message["role"], "content": text[:_KEPT_CHARACTERS]}


def _asked(kwargs: Fields, told: Fields, app: str) -> dict[str, Any]:
    given = _mapping(kwargs.get("litellm_params"))
    keys = _mapping(told.get("metadata"))
    metadata = {**_mapping(given.get("metadata")), **_mapping(keys.get("requester_metadata"))}
    headers = _mapping(_mapping(given.get("proxy_server_request")).get("headers"))
    trace = re.fullmatch(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", str(headers.get("traceparent")))
    tags = {
        "provider": told.get("custom_llm_provider"),
        "call_type": told.get("call_type"),
        "team": keys.get("user_api_key_team_alias"),
        "key": keys.get("user_api_key_alias"),
        "organization": keys.get("user_api_key_org_id"),
        "tags": ",".join(map(str, _listed(told.get("request_tags")))),
        "cache_hit": "true" if told.get("cache_hit") else "",
    }
    return {
        "app": metadata.get("driftloop_app") or app or told.get("model_group") or told.get("model"),
        "model": _model(told),
        "adapter_version": _name(metadata.get("driftloop_adapter_version")),
        "tenant": _name(keys.get("user_api_key_team_id")),
        "request_id": _request_id(kwargs, told),
        "occurred_at": _instant(told["startTime"]),
        "messages": _messages(told.get("messages")),
        "session_id": _name(metadata.get("session_id") or told.get("session_id") or given.get("litellm_session_id")),
        "user_id": _name(told.get("end_user") or kwargs.get("user") or _owner(keys)),
        "tags": {name: str(value) for name, value in tags.items() if value},
        "trace_id": trace[1] if trace else "",
        "span_id": trace[2] if trace else "",
        "sampling": _sampling(told),
        **_declared(told),
    }


def _answered(told: Fields) -> dict[str, Any]:
    response = told.get("response")
    response = {"choices": [{"text": response}]} if isinstance(response, str) else _mapping(response)
    choices = [_choice(_mapping(choice)) for choice in _listed(response.get("choices"))] or _from_items(response)
    first = choices[0] if choices else {"finish_reason": "", "reasoning": ""}
    cost = _number(told.get("response_cost"))
    return {
        **_timed(told),
        **first,
        "choices": choices[1:],
        "usage": _usage(_mapping(response.get("usage")), told),
        # LiteLLM says 0 where it knows no price, too; the collector has prices of its own.
        **({"cost_usd": cost} if cost is not None and 0 < cost < float("inf") else {}),
    }


def _failed(kwargs: Fields, told: Fields) -> dict[str, Any]:
    error = _mapping(told.get("error_information"))
    given = _mapping(kwargs.get("litellm_params"))
    said = str(error.get("error_message") or told.get("error_str") or "")
    for secret in (kwargs.get("api_key"), given.get("api_key")):
        said = said.replace(secret, "***") if isinstance(secret, str) and secret else said
    return {
        **_timed(told),
        "error_type": _name(error.get("error_code") or error.get("error_class") or "error"),
        "upstream_error_type": _name(error.get("error_class")),
        "error_message": _SECRET.sub("***", said)[:4096],
    }


def _timed(told: Fields) -> dict[str, Any]:
    start, first = told["startTime"], told.get("completionStartTime")
    end = told.get("endTime") or start
    times = {"occurred_at": _instant(end), "latency_ms": max(0.0, (end - start) * 1000)}
    return {**times, "ttft_ms": max(0.0, (first - start) * 1000)} if told.get("stream") and first else times


def _choice(choice: Fields) -> dict[str, Any]:
    message = _mapping(choice.get("message")) or {"content": choice.get("text")}
    return {
        "output": _message({**message, "role": "assistant"}),
        "finish_reason": _name(choice.get("finish_reason")),
        "reasoning": str(message.get("reasoning_content") or message.get("reasoning") or ""),
    }


def _from_items(response: Fields) -> list[dict[str, Any]]:
    """Return the one answer that the items of the Responses API are."""
    items = [_mapping(item) for item in _listed(response.get("output"))]
    if not items:
        return []
    told = [_message(item) for item in items if item.get("type") != "reasoning"]
    calls = [call for message in told for call in message.get("tool_calls", ())]
    summaries = [_mapping(part) for item in items for part in _listed(item.get("summary"))]
    ended = {"completed": "tool_calls" if calls else "stop", "incomplete": "length"}
    text = "\n".join(text for message in told if (text := _cut(message)["content"]))
    return [
        {
            "output": {"role": "assistant", "content": text, "tool_calls": calls},
            "finish_reason": ended.get(str(response.get("status")), ""),
            "reasoning": "\n".join(str(part.get("text") or "") for part in summaries),
        }
    ]


def _messages(told: object) -> list[dict[str, Any]]:
    """Return messages, texts or the items of the Responses API as messages."""
    listed = told if isinstance(told, list) else [told] if told else []
    return [_message({"content": item} if isinstance(item, str) else _mapping(item)) for item in listed]


def _message(item: Fields) -> dict[str, Any]:
    kind = item.get("type")
    if kind == "function_call_output":
        item = {"role": "tool", "content": item.get("output"), "tool_call_id": item.get("call_id")}
    elif kind == "function_call":
        item = {"role": "assistant", "tool_calls": [{"id": item.get("call_id"), "function": item}]}
    role = item.get("role") or "user"
    content = item.get("content")
    calls = [_mapping(call) for call in _listed(item.get("tool_calls"))]
    calls += [{"function": item["function_call"]}] if item.get("function_call") else []
    return {
        "role": role if role in _ROLES else "other",
        "content": [_part(part) for part in content] if isinstance(content, list) else str(content or ""),
        "tool_calls": [_tool_call(call) for call in calls],
        "tool_call_id": str(item.get("tool_call_id") or ""),
    }


def _part(part: object) -> dict[str, Any]:
    """Return a part of a message; of an image its address, and nothing of what stands in the message itself."""
    if not isinstance(part, dict):
        return {"type": "text", "text": str(part)}
    kind = str(part.get("type")).removeprefix("input_")
    if kind in ("image_url", "image"):
        image = part.get("image_url")
        address = str(image.get("url") if isinstance(image, dict) else image)
        return {"type": "image_url", "reference": address.partition(",")[0] if address.startswith("data:") else address}
    if kind in ("audio", "file"):
        return {"type": "input_audio" if kind == "audio" else "file"}
    return {
        "type": "refusal" if kind == "refusal" else "text",
        "text": str(part.get("text") or part.get("refusal") or ""),
    }


def _tool_call(call: Fields) -> dict[str, str]:
    function = _mapping(call.get("function") or call.get("custom"))
    written = function.get("arguments") or function.get("input") or ""
    return {
        "id": str(call.get("id") or ""),
        "name": str(function.get("name") or ""),
        "arguments": written if isinstance(written, str) else json.dumps(written, default=str),
    }


def _usage(usage: Fields, told: Fields) -> dict[str, int]:
    read = _mapping(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    written = _mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    return {
        "input_tokens": _count(usage.get("prompt_tokens") or usage.get("input_tokens") or told.get("prompt_tokens")),
        "output_tokens": _count(
            usage.get("completion_tokens") or usage.get("output_tokens") or told.get("completion_tokens")
        ),
        "cached_tokens": _count(read.get("cached_tokens")),
        "reasoning_tokens": _count(written.get("reasoning_tokens")),
    }


def _sampling(told: Fields) -> dict[str, Any]:
    parameters = _mapping(told.get("model_parameters"))
    most = (parameters.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
    return {
        "max_tokens": _count(next(filter(None, most), None)) or None,
        "temperature": _number(parameters.get("temperature")),
        "top_p": _number(parameters.get("top_p")),
        "seed": seed if type(seed := parameters.get("seed")) is int and abs(seed) < 2**53 else None,
        "stream": bool(told.get("stream")),
    }


def _declared(told: Fields) -> dict[str, Any]:
    """Return the tools and the form of the answer that a call declares, in the collector's bounds.

    What is too large is left out and counted, never cut: half a schema would judge answers wrongly. A tool stays by
    its name, so that a call to it is no call to an unknown one.
    """
    parameters = _mapping(told.get("model_parameters"))
    found = [tool for wire in _listed(parameters.get("tools")) for tool in _tools(_mapping(wire))]
    found += [tool for wire in _listed(parameters.get("functions")) for tool in _tools(_mapping(wire))]
    form = _form(parameters)
    kept: list[dict[str, str]] = []
    left_out, room = max(0, len(found) - _MOST_TOOLS) + (len(form) > _LONGEST_SCHEMA), _MOST_SCHEMAS
    for name, schema in found[:_MOST_TOOLS]:
        fits = len(schema) <= min(_LONGEST_SCHEMA, room)
        kept.append({"name": name, "schema": schema if fits else ""})
        room -= len(schema) if fits else 0
        left_out += not fits
    schema = form if len(form) <= _LONGEST_SCHEMA else ""
    return {"tools": kept, "response_schema": schema, "declared_left_out": left_out}


def _tools(wire: Fields) -> list[tuple[str, str]]:
    """Return names and schemas of the functions in a tool, in OpenAI's, Anthropic's or Google's form."""
    inner = [_mapping(one) for one in _listed(wire.get("function_declarations"))]
    functions = inner or [_mapping(wire.get("function")) or wire]
    return [
        (name, _schema(one.get("parameters") or one.get("input_schema")))
        for one in functions
        if isinstance(name := one.get("name"), str) and 0 < len(name) <= _LONGEST_NAME
    ]


def _form(parameters: Fields) -> str:
    """Return the JSON Schema that a chat's `response_format` or a response's `text` asks for; empty for none."""
    asked = _mapping(parameters.get("response_format")) or _mapping(_mapping(parameters.get("text")).get("format"))
    schema = (_mapping(asked.get("json_schema")) or asked).get("schema")
    return _schema(schema or ({"type": "object"} if asked.get("type") == "json_object" else None))


def _schema(value: object) -> str:
    return "" if value is None else json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


def _request_id(kwargs: Fields, told: Fields) -> str:
    """Return the id that the client sees in the answer, good for feedback; LiteLLM's own where that is too long."""
    known = (str(name) for name in (told.get("id"), told.get("litellm_call_id"), kwargs.get("litellm_call_id")) if name)
    return next(name for name in known if len(name) <= 256)


def _mapping(value: object) -> Fields:
    """Return an object's fields; LiteLLM hands over its own classes where a user passed an answer back in."""
    dump = None if isinstance(value, type) else getattr(value, "model_dump", None)
    fields = dump() if callable(dump) else value
    return fields if isinstance(fields, dict) else {}


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _model(told: Fields) -> str:
    """Return the model's name without its provider, which stands before it in calls through the proxy."""
    model = _name(told.get("model"))
    provider, _, name = model.partition("/")
    return name if name and str(told.get("custom_llm_provider")).endswith(provider) else model


def _owner(keys: Fields) -> object:
    """Return the user of the proxy's key; the proxy's name for nobody is none."""
    owner = keys.get("user_api_key_user_id")
    return None if owner == "default_user_id" else owner


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: object) -> int:
    number = _number(value)
    return int(number) if number is not None and 0 < number < 2**53 else 0


def _name(value: object) -> str:
    return "" if value is None else str(value)[:256]


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


driftloop = DriftloopCallback()
"""What LiteLLM's `callbacks` name; LiteLLM wants an instance."""
