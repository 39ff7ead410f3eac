"""The demonstration's users: they call the gateway at a steady rate and say later what was right."""

import asyncio
import random
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
import msgspec

from services.commands.demo.prompt import Prompt, Said
from services.commands.demo.scenario import Scenario

USERS = 300
FEEDBACK_AFTER_S = 1.5
MAX_OPEN = 48


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


class _Deck:
    """Prompts in shuffled order, each once before any comes again."""

    def __init__(self, prompts: Sequence[Prompt], chance: random.Random) -> None:
        self._prompts = prompts
        self._chance = chance
        self._order: list[int] = []

    def drawn(self) -> Prompt:
        """Return the next prompt."""
        if not self._order:
            self._order = self._chance.sample(range(len(self._prompts)), len(self._prompts))
        return self._prompts[self._order.pop()]


class Traffic:
    """Users on a thread of their own, between `start` and `stop`.

    `play` sets what they ask from now on, `rest` lets them rest. At most MAX_OPEN of them wait for an
    answer or are about to judge one, so a slow model slows the users rather than piling them up.

    Args:
        headers: Of all that they send: the key by which they come in.
    """

    def __init__(
        self,
        scenario: Scenario,
        gateway: str,
        seed: int = 11,
        *,
        trust: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.ledger = Ledger()
        self._scenario = scenario
        self._gateway, self._trust, self._headers = gateway, trust, headers
        self._random = random.Random(seed)
        self._deck: _Deck | None = None
        self._stopping = threading.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="users", daemon=True)

    def start(self) -> None:
        """Wake the users; they rest until `play`."""
        self._thread.start()

    def play(self, prompts: Sequence[Prompt]) -> None:
        """Ask these prompts from now on, each once in shuffled order before any comes again."""
        self._deck = _Deck(prompts, self._random)

    def rest(self) -> None:
        """Ask nothing until `play`; open calls go on."""
        self._deck = None

    def stop(self) -> Ledger:
        """Finish the open calls and their feedback; return the account. Again if need be."""
        self._stopping.set()
        self._thread.join(timeout=60)
        return self.ledger

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(ssl=self._trust or True)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector, headers=self._headers) as session:
            due = time.monotonic()
            while not self._stopping.is_set():
                due = max(due + 1 / self._scenario.rate, time.monotonic() - 1)
                deck = self._deck
                if deck is not None and len(self._open) < MAX_OPEN:
                    self._open_call(session, deck.drawn())
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await asyncio.gather(*self._open)

    def _open_call(self, session: aiohttp.ClientSession, prompt: Prompt) -> None:
        task = asyncio.create_task(self._ask(session, prompt))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _ask(self, session: aiohttp.ClientSession, prompt: Prompt) -> None:
        body = {
            "model": self._scenario.app,
            "messages": list(prompt.messages),
            "max_tokens": self._scenario.max_tokens,
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
        said = prompt.judged(str(answer["choices"][0]["message"]["content"]).strip())
        await self._judge(session, answer["id"], said)

    async def _judge(self, session: aiohttp.ClientSession, request_id: str, said: Said) -> None:
        body = {
            "request_id": request_id,
            "app": self._scenario.app,
            "source": "reviewer",
            **msgspec.to_builtins(said),
        }
        for _ in range(10):
            try:
                async with session.post(f"{self._gateway}/v1/feedback", json=body) as response:
                    if response.status == 202:
                        self.ledger.judged.update((await response.json())["event_ids"])
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(1)
