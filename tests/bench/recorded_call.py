"""What recording costs a call: `python -m tests.bench.recorded_call [--calls N]` prints one line of JSON.

The gateway's own way from a request's bytes to an answer's, in this process and one thread, before an upstream that
is a value and a broker that is away: without sockets, HTTP and deliveries. An app that records and one that does not
take each call in turn, so that a busy machine burdens both alike: the ratio says more than the microseconds of
processor time. `same`: one prompt and answer again and again, as tests.bench.gateway_overhead asks; `distinct`: 1 KB
and 0.6 KB that nobody has read before, as users ask.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import NoReturn, cast

import uvloop
from starlette.types import Message, Scope

from schemas.configuration import App, Configuration
from schemas.settings import Settings
from services.clients.bus.errors import BrokerDown
from services.gateway.application import Edges, Gateway, Limits, application_of
from services.gateway.upstreams.responses import UpstreamResponse
from services.gateway.upstreams.sending import Sending
from services.gateway.wire.surfaces import SURFACES
from services.parts.runtime.memory import collect_seldom
from services.parts.spool.delivery import Delivery
from tests.bench.callers import request_of
from tests.bench.machine import machine
from tests.bench.masking import prompts
from tests.bench.timed_upstream import BODY

_PATH = "/v1/chat/completions"
_WAYS = ("recorded", "unrecorded")
_WARM = 50
_ANSWER = 600


class Answered:
    """An upstream's response that is there already."""

    status = 200
    headers = ((b"content-type", b"application/json"),)

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self) -> bytes:
        """Return its body."""
        return self._data

    def release(self) -> None:
        """Give nothing back."""


def _away() -> NoReturn:
    raise BrokerDown("nowhere")


def exchanges(kind: str, calls: int) -> list[tuple[bytes, bytes]]:
    """Return the bodies of requests for an app `app`, and of their answers."""
    asked = request_of(0, 0).partition(b"\r\n\r\n")[2]
    if kind == "same":
        return [(asked, BODY)] * calls
    texts = prompts(2 * calls)
    request, answer = json.loads(asked), json.loads(BODY)
    made = []
    for prompt, said in zip(texts[:calls], texts[calls:], strict=True):
        request["messages"][0]["content"] = prompt
        answer["choices"][0]["message"]["content"] = said[:_ANSWER]
        made.append((json.dumps(request).encode(), json.dumps(answer).encode()))
    return made


class Calls:
    """Makes calls of a gateway that runs."""

    def __init__(self, gateway: Gateway) -> None:
        surface = next(surface for surface in SURFACES if _PATH.endswith(f"v1/{surface.path}"))
        self._surface = gateway.recorded(surface)

    async def cost(self, app: str, asked: bytes) -> float:
        """Return the microseconds of this thread's processor time that a call takes."""
        body = asked.replace(b'"app"', f'"{app}"'.encode(), 1)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        scope: Scope = {"type": "http", "method": "POST", "path": _PATH, "query_string": b"", "headers": headers}

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(_: Message) -> None:
            return

        started = time.thread_time_ns()
        await self._surface(scope, receive, send)
        return (time.thread_time_ns() - started) / 1000


async def measure(kind: str, calls: int, folder: Path) -> dict[str, float]:
    """Return the medians of both ways, their difference and their ratio."""
    apps = tuple(
        App(name=way, base_model="base", upstreams=("http://127.0.0.1:9",), record=way == "recorded") for way in _WAYS
    )
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(folder)})
    edges = Edges(Delivery(_away), _away)
    gateway = Gateway(settings, Configuration(apps=apps), edges=edges, limits=Limits(routes_wait_s=0))
    told = exchanges(kind, calls + _WARM)
    costs: dict[str, list[float]] = {way: [] for way in _WAYS}
    async with gateway.lifespan(application_of(gateway)):
        making, answer = Calls(gateway), told[0][1]

        async def ask(app: str, sending: Sending) -> UpstreamResponse:
            return cast(UpstreamResponse, Answered(answer))

        gateway.running.upstreams.ask = ask  # type: ignore[method-assign]  # what is measured begins behind it
        collect_seldom()
        for asked, answer in told:  # noqa: B007  # `ask` reads it
            for way in _WAYS:
                costs[way].append(await making.cost(way, asked))
    middle = {way: statistics.median(seen[_WARM:]) for way, seen in costs.items()}
    recorded, unrecorded = middle["recorded"], middle["unrecorded"]
    return {
        "recorded_us": round(recorded, 1),
        "unrecorded_us": round(unrecorded, 1),
        "recording_us": round(recorded - unrecorded, 1),
        "ratio": round(recorded / unrecorded, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    chosen = parser.parse_args()
    before = machine()
    rows: dict[str, dict[str, float]] = {}
    for kind in ("same", "distinct"):
        with tempfile.TemporaryDirectory() as folder:
            rows[kind] = uvloop.run(measure(kind, chosen.calls, Path(folder)))
    print(json.dumps({"bench": "recorded_call", "calls": chosen.calls, **rows, "machine": before}))


if __name__ == "__main__":
    main()
