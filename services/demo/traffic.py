"""The demonstration's users: they call the gateway at a steady rate and say later what was right."""

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from services.demo.prompts import LabelledPrompt
from services.demo.scenario import Scenario

USERS = 300
FEEDBACK_AFTER_S = 1.5
MAX_CONCURRENT = 24


@dataclass(slots=True)
class Ledger:
    """What the users saw: their side of the account.

    Attributes:
        answered: Request ids that got an answer.
        judged: Event ids of accepted feedback.
        failed: Calls that got no answer.
    """

    answered: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)
    failed: int = 0


class Traffic:
    """Users on a thread of their own, between `start` and `stop`.

    `play` sets what they ask from now on; an empty sequence lets them rest. At most
    MAX_CONCURRENT calls are open, so a slow model slows the users rather than piling them up.
    """

    def __init__(self, scenario: Scenario, gateway: str, seed: int = 11) -> None:
        self.ledger = Ledger()
        self._scenario = scenario
        self._gateway = gateway
        self._random = random.Random(seed)
        self._prompts: Sequence[LabelledPrompt] = ()
        self._order: list[int] = []
        self._stopping = threading.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="users", daemon=True)

    def start(self) -> None:
        """Wake the users; they rest until `play`."""
        self._thread.start()

    def play(self, prompts: Sequence[LabelledPrompt]) -> None:
        """Ask these prompts from now on, each once in shuffled order before any comes again."""
        self._order = []
        self._prompts = prompts

    def stop(self) -> Ledger:
        """Finish the open calls and their feedback; return the account. Again if need be."""
        self._stopping.set()
        self._thread.join(timeout=60)
        return self.ledger

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            due = time.monotonic()
            while not self._stopping.is_set():
                due = max(due + 1 / self._scenario.rate, time.monotonic() - 1)
                if self._prompts and len(self._open) < MAX_CONCURRENT * 2:
                    self._open_call(session)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await asyncio.gather(*self._open)

    def _open_call(self, session: aiohttp.ClientSession) -> None:
        task = asyncio.create_task(self._ask(session, self._next()))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _next(self) -> LabelledPrompt:
        if not self._order:
            self._order = self._random.sample(range(len(self._prompts)), len(self._prompts))
        return self._prompts[self._order.pop()]

    async def _ask(self, session: aiohttp.ClientSession, prompt: LabelledPrompt) -> None:
        body = {
            "model": self._scenario.app,
            "messages": list(self._scenario.messages(prompt)),
            "guided_choice": list(self._scenario.choices),
            "max_tokens": 4,
            "temperature": 0,
            "user": f"user-{self._random.randrange(USERS)}",
            "metadata": {"slice": prompt.slice},
        }
        try:
            async with session.post(f"{self._gateway}/v1/chat/completions", json=body) as response:
                answer = await response.json()
                if response.status != 200:
                    self.ledger.failed += 1
                    return
        except (aiohttp.ClientError, TimeoutError):
            self.ledger.failed += 1
            return
        self.ledger.answered.add(answer["id"])
        await asyncio.sleep(FEEDBACK_AFTER_S * self._random.uniform(0.5, 1.5))
        await self._judge(session, answer["id"], prompt)

    async def _judge(self, session: aiohttp.ClientSession, request_id: str, prompt: LabelledPrompt) -> None:
        body = {"request_id": request_id, "app": self._scenario.app, "label": prompt.label, "source": "reviewer"}
        for _ in range(10):
            try:
                async with session.post(f"{self._gateway}/v1/feedback", json=body) as response:
                    if response.status == 202:
                        self.ledger.judged.update((await response.json())["event_ids"])
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(1)
