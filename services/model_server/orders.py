"""One call while it is answered: its jobs go into the queue, their outcomes become its answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from services.model_server.jobs import Broke, Chosen, Ended, Job, Likelihood, Outcome, Said
from services.model_server.measures import Measures
from services.model_server.waiting import QueueFull, WaitingRoom
from services.model_server.wire.answers import DONE, Answer, Json, Shape, mishap, usage
from services.models.tools import OPENING, calls_in
from services.parts.ingress.errors import Refusal, error_body, json_answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call comes to.

    Attributes:
        model: The name that the client gave.
        jobs: One for each answer; their `deliver` is the order's to set.
        prompt: Tokens of the prompts, each counted once.
        choices: The texts of the answers to choose from; empty where the model writes.
        tools: Whether answers are searched for calls of tools.
        wants_usage: Whether a stream ends with a chunk of usage.
        arrived: When the call came, by the performance counter.
    """

    model: str
    jobs: tuple[Job, ...]
    prompt: int
    choices: tuple[str, ...]
    tools: bool
    wants_usage: bool
    arrived: float


class Order:
    """Places a call's jobs and tells what becomes of them, whole or as a stream. Lives on the event loop."""

    def __init__(self, asked: Asked, shape: Shape, measures: Measures) -> None:
        self._asked, self._shape, self._measures = asked, shape, measures
        self._outcomes: asyncio.Queue[tuple[int, Outcome]] = asyncio.Queue()
        self._answers = [Answer() for _ in asked.jobs]
        self._held = ["" for _ in asked.jobs]
        self._spoken = False

    def place(self, room: WaitingRoom) -> None:
        """Queue the jobs; refuse with 503 when too many wait."""
        loop = asyncio.get_running_loop()

        def deliver(index: int, outcome: Outcome) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._outcomes.put_nowait, (index, outcome))

        for index, job in enumerate(self._asked.jobs):
            job.deliver = partial(deliver, index)
        try:
            room.enter(self._asked.jobs)
        except QueueFull as error:
            raise Refusal(
                503, "too many calls are waiting", kind="server_error", code="overloaded", headers={"Retry-After": "1"}
            ) from error

    def cancel(self) -> None:
        """Nobody waits any more."""
        for job in self._asked.jobs:
            job.cancelled = True

    async def whole(self) -> Response:
        """Return the complete answer."""
        async for _ in self._told():
            pass
        return json_answer(self._shape.whole(self._answers, self._usage()))

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield server-sent events; when the client leaves, the jobs are cancelled."""
        try:
            for index in range(len(self._answers)):
                yield self._shape.opening(index)
            async for events in self._told():
                yield events
            if self._asked.wants_usage:
                yield self._shape.reckoning(self._usage())
            yield DONE
        except Refusal as refusal:
            yield mishap(dict(error_body(refusal)))
        finally:
            self.cancel()

    async def _told(self) -> AsyncIterator[bytes]:
        """Yield the events of all answers as they come; afterwards the answers are complete."""
        self._measures.read(self._asked.model, self._asked.prompt)
        while not all(answer.reason for answer in self._answers):
            events = self._heard(*await self._outcomes.get())
            if events:
                yield events
        self._measures.last_text(self._asked.model, time.perf_counter() - self._asked.arrived)

    def _heard(self, index: int, outcome: Outcome) -> bytes:
        match outcome:
            case Chosen(choice):
                tokens = len(self._asked.jobs[index].answers[choice])
                self._measures.generated(self._asked.model, tokens)
                return self._said(index, self._asked.choices[choice], ()) + self._ended(index, "stop", tokens)
            case Said(text, likelihoods):
                self._measures.generated(self._asked.model, 1)
                return self._said(index, text, likelihoods)
            case Ended(reason, tokens):
                return self._ended(index, reason, tokens)
            case Broke():
                raise Refusal(500, "the model failed on this call", kind="server_error")

    def _said(self, index: int, text: str, likelihoods: Sequence[Likelihood]) -> bytes:
        if text and not self._spoken:
            self._spoken = True
            self._measures.first_text(self._asked.model, time.perf_counter() - self._asked.arrived)
        answer = self._answers[index]
        answer.likelihoods += likelihoods
        shown = self._without_calls(index, text) if self._asked.tools else text
        answer.text += shown
        return self._shape.piece(index, shown, likelihoods) if shown or likelihoods else b""

    def _ended(self, index: int, reason: str, tokens: int) -> bytes:
        answer, events = self._answers[index], b""
        if self._asked.tools:
            rest, answer.calls = calls_in(self._held[index])
            answer.text += rest
            events += self._shape.piece(index, rest, ()) if rest else b""
            events += self._shape.calling(index, answer.calls) if answer.calls else b""
        answer.tokens, answer.reason = tokens, "tool_calls" if answer.calls else reason
        self._measures.completed(self._asked.model, reason=answer.reason)
        return events + self._shape.closing(index, answer.reason)

    def _without_calls(self, index: int, text: str) -> str:
        """Return what can be shown; from where calls begin, or may, it is held until the answer ends."""
        whole = self._held[index] + text
        at = whole.find(OPENING)
        if at < 0:
            begun = (length for length in range(len(OPENING) - 1, 0, -1) if whole.endswith(OPENING[:length]))
            at = len(whole) - next(begun, 0)
        self._held[index] = whole[at:]
        return whole[:at]

    def _usage(self) -> Json:
        return usage(self._asked.prompt, sum(answer.tokens for answer in self._answers))


async def unless_left(request: Request, order: Order) -> Response:
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
