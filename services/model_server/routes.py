"""The addresses of the server: OpenAI's completions and model list, vLLM's adapter management."""

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from services.model_server.asking import chat_asked, completion_asked
from services.model_server.measures import Measures
from services.model_server.orders import Order, unless_left
from services.model_server.served import Served
from services.model_server.waiting import WaitingRoom
from services.model_server.wire.answers import ChatShape, Heading, TextShape, model_list
from services.model_server.wire.calls import parse_call, parse_completion
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, json_answer

MAX_BODY_BYTES = 1_000_000


class _Load(msgspec.Struct, frozen=True):
    lora_name: str = ""
    lora_path: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """Takes orders: a call becomes jobs, their outcomes become its answers."""

    served: Served
    room: WaitingRoom
    measures: Measures

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/v1/models", self._models, methods=["GET"]),
            Route("/v1/chat/completions", self._counted(self._chat), methods=["POST"]),
            Route("/v1/completions", self._counted(self._complete), methods=["POST"]),
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
        asked = await chat_asked(self.served, call, arrived)
        shape = ChatShape(_heading("chatcmpl", call.model), likelihoods=bool(call.logprobs))
        return await self._answered(request, Order(asked, shape, self.measures), stream=call.stream)

    async def _complete(self, request: Request) -> Response:
        arrived = time.perf_counter()
        call = parse_completion(await body_of(request, MAX_BODY_BYTES))
        asked = await completion_asked(self.served, call, arrived)
        shape = TextShape(_heading("cmpl", call.model), likelihoods=call.logprobs is not None)
        return await self._answered(request, Order(asked, shape, self.measures), stream=call.stream)

    async def _answered(self, request: Request, order: Order, *, stream: bool) -> Response:
        order.place(self.room)
        if stream:
            return StreamingResponse(order.stream(), media_type="text/event-stream")
        return await unless_left(request, order)

    def _counted(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def counted(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                self.measures.refused(refusal.status)
                raise

        return counted


def _heading(kind: str, model: str) -> Heading:
    return Heading(f"{kind}-{uuid.uuid4().hex}", int(time.time()), model)


async def _adapter_call(request: Request) -> _Load:
    try:
        return msgspec.json.decode(await body_of(request, MAX_BODY_BYTES), type=_Load)
    except msgspec.DecodeError as error:
        raise Refusal(400, "the body must be JSON with texts 'lora_name' and 'lora_path'") from error
