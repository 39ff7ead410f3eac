"""What masking costs: `python -m tests.bench.masking [--rounds N] [--characters N]` prints one JSON line.

Prompts are words of this repository's pages in another order, 1 KB each, all different, every tenth with personal
data in it. Timed is what the recorder does with an event on its way to the spool, under `mask` and under `off`, in
processor time of one thread, in three passes (the least of a prompt's tells its own cost on a busy machine); and the
detector on hostile text, a million characters of it, by what it is made of.
"""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import typer

from schemas.configuration import App, Privacy
from schemas.inference import InferenceRequested, Message
from schemas.privacy import Policy
from services.parts.spool.entries import entry_of
from services.privacy.detector import Detector
from services.privacy.policies import Policies
from tests.bench.machine import machine
from tests.fixtures.planted import planted

_PAGES = Path(__file__).parents[2] / "docs"
_PASSES = 3
_HOSTILE = (
    "a",
    "1",
    "1 ",
    "123 456 789 ",
    "4111 ",
    "a@",
    "-----BEGIN PRIVATE KEY-----",
    "http://a:",
    "%41",
    "DE89 3704 ",
)


def prompts(count: int, seed: int = 5) -> list[str]:
    """Return prompts of 1 KB, no two alike."""
    source, values = random.Random(seed), planted()
    vocabulary = [word for page in sorted(_PAGES.glob("*.md")) for word in page.read_text().split()]
    made = []
    for at in range(count):
        words = [source.choice(vocabulary) for _ in range(260)]
        if at % 10 == 0:
            words.insert(40, source.choice(values).text("plain"))
        made.append(" ".join(words)[:1024])
    return made


def event(prompt: str) -> InferenceRequested:
    """Return the event of a call with a prompt."""
    asked = (Message(role="user", content=prompt),)
    return InferenceRequested(
        event_id="e", occurred_at=datetime(2026, 1, 31, tzinfo=UTC), app="bot", request_id="r", messages=asked
    )


def microseconds(work: Callable[[], object]) -> float:
    """Return the processor time of a piece of work in this thread."""
    started = time.thread_time()
    work()
    return (time.thread_time() - started) * 1e6


def recorded(policy: Policy, texts: list[str], folder: Path) -> list[float]:
    """Return what each event costs on its way to the spool; nothing is remembered of it from before."""
    policies = Policies([App(name="bot", base_model="b", privacy=Privacy(policy=policy))], folder)
    entry_of(policies.applied(event("warm up jane@example.com 4111 1111 1111 1111")))
    return [microseconds(partial(_record, policies, told)) for told in map(event, texts)]


def _record(policies: Policies, told: InferenceRequested) -> None:
    entry_of(policies.applied(told))


def quantiles(costs: Sequence[float]) -> dict[str, float]:
    """Return median and 99th percentile."""
    ranked = sorted(costs)
    return {"p50": round(ranked[len(ranked) // 2], 1), "p99": round(ranked[len(ranked) * 99 // 100], 1)}


def hostile(piece: str, length: int) -> float:
    """Return the seconds that so many characters of something take."""
    text = (piece * (length // len(piece) + 1))[:length]
    return round(microseconds(lambda: Detector().find(text)) / 1e6, 2)


def main(rounds: int = 2000, characters: int = 1_000_000) -> None:
    """Measure and print."""
    texts = prompts(rounds)
    with tempfile.TemporaryDirectory() as folder:
        plain = recorded("off", texts, Path(folder))
        passes = [recorded("mask", texts, Path(folder)) for _ in range(_PASSES)]
    masked, least = passes[-1], [min(costs) for costs in zip(*passes, strict=True)]
    print(
        json.dumps(
            {
                "bench": "masking",
                "prompts": rounds,
                "us_masked": quantiles(masked),
                "us_masked_least_of_passes": quantiles(least),
                "us_off": quantiles(plain),
                "added_us_p99": round(quantiles(masked)["p99"] - quantiles(plain)["p99"], 1),
                "texts_s": round(1e6 / statistics.fmean(masked)),
                "hostile_characters": characters,
                "hostile_s": {piece: hostile(piece, characters) for piece in _HOSTILE},
                "machine": machine(),
            }
        )
    )


if __name__ == "__main__":
    typer.run(main)
