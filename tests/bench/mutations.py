"""Mutated calls against a gateway process: does any kill it, or come back as an error of ours?

    python -m tests.bench.mutations [--calls 10000] [--seed 1]

Half of the calls change a value in the request and in what the upstream says (tests.services.gateway.corpus), the
other half change bytes of both. Each is sent straight and through the gateway, recording on. What the upstream
answered must come back with its status; refused may be only what names no app or is no JSON object.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import httpx
from rich.progress import track

from services.gateway.wire.asked import read_wire
from tests.bench.callers_overhead import Service, gateway_of, kafka
from tests.bench.machine import machine
from tests.fixtures.http import Served
from tests.services.gateway.canned import Canned
from tests.services.gateway.conftest import APP
from tests.services.gateway.corpus.mutations import mutated, with_other_bytes
from tests.services.gateway.corpus.pairs import pairs


def run(folder: Path, calls: int, seed: int) -> dict[str, object]:
    """Return how the calls ended, and each that should not have ended so."""
    random, corpus, upstream = Random(seed), tuple(pairs()), Canned(())
    outcomes, wrong = Counter[str](), []
    with (
        kafka() as broker,
        Served(upstream) as served,
        gateway_of(folder, served, broker, app=APP) as gateway,
        httpx.Client() as client,
    ):
        for number in track(range(calls), "mutating"):
            pair, request, pieces = mutated(corpus, random)
            if number % 2:
                request = with_other_bytes(request, random)
                pieces = tuple(with_other_bytes(piece, random) for piece in pieces)
            upstream.pieces, upstream.status, upstream.headers = pieces, pair.status, pair.headers
            upstream.sent.clear()
            outcome = _outcome(client, served, gateway, pair.path, request)
            outcomes[outcome] += 1
            if outcome.startswith("wrong"):
                wrong.append(f"{number} {pair.name}: {outcome}")
        gateway.wait_until_forwarded()
        unrecorded = gateway.metric("driftloop_gateway_unrecorded_total")
        alive = gateway.alive
    return {
        "calls": calls,
        "seed": seed,
        "alive": alive,
        "unrecorded": unrecorded,
        **outcomes,
        "wrong_calls": wrong[:20],
    }


def _outcome(client: httpx.Client, served: Served, gateway: Service, path: str, request: bytes) -> str:
    direct = client.post(served.url + path, content=request)
    try:
        through = client.post(f"http://127.0.0.1:{gateway.port}{path}", content=request)
    except httpx.HTTPError as error:
        return f"wrong: {type(error).__name__}"
    wire = read_wire(request)
    if wire is None or wire.model != APP:
        return "refused" if through.status_code in (400, 404) else f"wrong: {through.status_code} for no app"
    if b"upstream_interrupted" in through.content and b"upstream_interrupted" not in direct.content:
        return "told that the answer breaks off"
    return "answered" if through.status_code == direct.status_code else f"wrong: {through.status_code}"


def main() -> None:
    """Send and print one line of JSON; status 1 when a call went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = run(Path(folder), chosen.calls, chosen.seed)
    print(json.dumps({"bench": "mutations", **rows, "machine": machine()}))
    raise SystemExit(bool(rows["wrong_calls"]) or not rows["alive"])


if __name__ == "__main__":
    main()
