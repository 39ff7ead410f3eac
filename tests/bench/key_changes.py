"""How soon a running gateway takes a new key up, and lets go of a revoked one.

    python -m tests.bench.key_changes [--keys 20]

Keys are made and revoked in the control store as `driftloop keys` does it; a client then asks for the models every
20 ms, without a restart of anything.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import httpx
from rich.progress import track

from schemas.settings import Settings
from tests.bench.callers_overhead import gateway_of, kafka, upstream_of
from tests.bench.machine import machine
from tests.fixtures.keys import bearer, make_key, revoke

_EVERY_S = 0.02
_AT_MOST_S = 30.0


def run(folder: Path, keys: int) -> dict[str, object]:
    """Return the seconds until a key was known and until it was gone."""
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(folder)})
    make_key(settings, all_apps=True)  # without any, a process that requires keys does not start
    known, gone = [], []
    with (
        kafka() as broker,
        upstream_of(20.0) as upstream,
        mock.patch.dict(os.environ, {"DRIFTLOOP_KEYS": "required"}),
        gateway_of(folder, upstream, broker) as gateway,
        httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}") as client,
    ):
        for _ in track(range(keys), "making and revoking keys"):
            secret = make_key(settings, all_apps=True)
            known.append(_seconds_until(client, secret, 200))
            revoke(settings, secret)
            gone.append(_seconds_until(client, secret, 401))
    return {
        "keys": keys,
        "known_s": {"median": round(statistics.median(known), 2), "most": round(max(known), 2)},
        "gone_s": {"median": round(statistics.median(gone), 2), "most": round(max(gone), 2)},
    }


def _seconds_until(client: httpx.Client, secret: str, status: int) -> float:
    began = time.monotonic()
    while (passed := time.monotonic() - began) < _AT_MOST_S:
        if client.get("/v1/models", headers=bearer(secret)).status_code == status:
            return passed
        time.sleep(_EVERY_S)
    raise TimeoutError(f"no {status} within {_AT_MOST_S:.0f} s")


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=20)
    chosen = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        row = run(Path(folder), chosen.keys)
    print(json.dumps({"bench": "key_changes", **row, "machine": before}))


if __name__ == "__main__":
    main()
