"""The addresses of the server: OpenAI's chat completions and model list, vLLM's adapter management."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from services.model_server.calls import ChatCall, check_length, parse_call
from services.model_server.completions import (
    DONE,
    Heading,
    closing,
    completion,
    mishap,
    model_list,
    opening,
    piece,
    reckoning,
    usage,
)
from services.model_server.jobs import Broke, Chosen, Ended, Job, Outcome, Said
from services.model_server.measures import Measures
from services.model_server.served import Served
from services.model_server.waiting import QueueFull, WaitingRoom
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, error_body, json_answer

MAX_BODY_BYTES = 1_000_000


class _Load(msgspec.Struct, frozen=True):
    lora_name: str = ""
    lora_path: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """Takes orders: a call becomes a job, its outcomes become an answer."""

    served: Served
    room: WaitingRoom
    measures: Measures

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/v1/models", self._models, methods=["GET"]),
            Route("/v1/chat/completions", self._counted(self._chat), methods=["POST"]),
            Route("/v1/load_lora_adapter", self._load, methods=["POST"]),
            Route("/v1/unload_lora_adapter", self._unload, methods=["POST"]),
        ]

    async def _models(self, _: Request) -> Response:
        self.served.must_be_loaded()
        adapters = {name: resident.folder for name, resident in self.served.adapters.items()}
        return json_answer(model_list(self.served.base, self.served.root, adapters, int(time.time())))

    async def _load(self, request: Request) -> Response:
        asked = await _adapter_call(request)
        if not asked.lora_name or not asked.lora_path:
            raise Refusal(400, "Both 'lora_name' and 'lora_path' must be provided.", kind="InvalidUserInput")
        await self.served.load(asked.lora_name, asked.lora_path)
        self.measures.resident(len(self.served.adapters))
        return PlainTextResponse(f"Success: LoRA adapter '{asked.lora_name}' added successfully.")

    async def _unload(self, request: Request) -> Response:
        asked = await _adapter_call(request)
        if not asked.lora_name:
            raise Refusal(400, "'lora_name' needs to be provided to unload a LoRA adapter.", kind="InvalidUserInput")
        self.served.unload(asked.lora_name)
        self.measures.resident(len(self.served.adapters))
        return PlainTextResponse(f"Success: LoRA adapter '{asked.lora_name}' removed successfully.")

    async def _chat(self, request: Request) -> Response:
        arrived = time.perf_counter()
        call = parse_call(await body_of(request, MAX_BODY_BYTES))
        order = _Order(self, call, arrived)
        order.place()
        if call.stream:
            return StreamingResponse(order.stream(), media_type="text/event-stream")
        return await _unless_left(request, order)

    def _counted(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def counted(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                self.measures.refused(refusal.status)
                raise

        return counted


class _Order:
    """One call while it is answered."""

    def __init__(self, counter: Counter, call: ChatCall, arrived: float) -> None:
        self._counter, self._call, self._arrived = counter, call, arrived
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._heading = Heading(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), call.model)
        self._job = self._made()
        self._tokens = 0
        self._reason = ""

    def place(self) -> None:
        """Queue the job; refuse with 503 when too many wait."""
        try:
            self._counter.room.enter(self._job)
        except QueueFull as error:
            raise Refusal(
                503, "too many calls are waiting", kind="server_error", code="overloaded", headers={"Retry-After": "1"}
            ) from error

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._job.cancelled = True

    async def whole(self) -> Response:
        """Return the complete answer."""
        text = "".join([part async for part in self._texts()])
        return json_answer(completion(self._heading, text, reason=self._reason, tokens=self._usage()))

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield server-sent events; when the client leaves, the job is cancelled."""
        try:
            yield opening(self._heading)
            async for part in self._texts():
                yield piece(self._heading, part)
            yield closing(self._heading, self._reason)
            if self._call.wants_usage:
                yield reckoning(self._heading, self._usage())
            yield DONE
        except Refusal as refusal:
            yield mishap(dict(error_body(refusal)))
        finally:
            self.cancel()

    def _made(self) -> Job:
        served, call = self._counter.served, self._call
        slot = served.slot_of(call.model)
        prompt = served.prompt(call.conversation)
        answers = served.answers(call.choices) if call.choices else ()
        sampling = call.sampling(served.context - len(prompt))
        check_length(len(prompt), max(1, sampling.max_tokens if not answers else 1), served.context)
        loop = asyncio.get_running_loop()

        def deliver(outcome: Outcome) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._outcomes.put_nowait, outcome)

        return Job(slot, prompt, deliver, answers, sampling)

    async def _texts(self) -> AsyncIterator[str]:
        first = True
        while not self._reason:
            text = self._heard(await self._outcomes.get())
            if text and first:
                self._counter.measures.first_text(self._call.model, time.perf_counter() - self._arrived)
                first = False
            if text:
                yield text
        self._counter.measures.last_text(self._call.model, time.perf_counter() - self._arrived)
        self._counter.measures.completed(
            self._call.model, reason=self._reason, prompt=len(self._job.prompt), generated=self._tokens
        )

    def _heard(self, outcome: Outcome) -> str:
        match outcome:
            case Chosen(index):
                self._reason, self._tokens = "stop", len(self._job.answers[index])
                return self._call.choices[index]
            case Said(text):
                return text
            case Ended(reason, tokens):
                self._reason, self._tokens = reason, tokens
                return ""
            case Broke():
                raise Refusal(500, "the model failed on this call", kind="server_error")

    def _usage(self) -> dict[str, object]:
        return usage(len(self._job.prompt), self._tokens)


async def _unless_left(request: Request, order: _Order) -> Response:
    """Return the answer, or stop making it when the client hangs up first."""
    answer = asyncio.create_task(order.whole())
    left = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise Refusal(499, "the client left before its answer was complete")
        return answer.result()
    finally:
        order.cancel()
        answer.cancel()
        left.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _adapter_call(request: Request) -> _Load:
    try:
        return msgspec.json.decode(await body_of(request, MAX_BODY_BYTES), type=_Load)
    except msgspec.DecodeError as error:
        raise Refusal(400, "the body must be JSON with texts 'lora_name' and 'lora_path'") from error
