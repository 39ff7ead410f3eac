"""Safety, quality and drift as processes on a real broker: answers in, scores out, a shift told."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psutil
import pytest

from schemas.inference import InferenceResponded
from schemas.observations import DriftMeasured, ScoresRecorded
from schemas.record import Record
from schemas.topics import SCORES_RECORDED
from services.clients.bus.decoding import decoded
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.clients.registry.artifacts import ArtifactStore
from services.scorers.corpora import harm_corpus
from services.scorers.prompts import PromptScorers
from services.scorers.reference import build_reference
from tests.fixtures.broker import Broker
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S
from tests.services.clients.bus.traffic import gather
from tests.stream_processors.observed import response

pytest_plugins = ("tests.fixtures.scorers",)
pytestmark = pytest.mark.broker

VERSION = "prompt-guard-v1"
CONFIGURATION = """
apps:
  - name: prompt-guard
    base_model: tiny
    labels: [safe, unsafe]
windows: {length: 2s, lateness: 2s}
drift: {window: 5s, min_count: 60}
"""
PER_WINDOW = 100


@contextmanager
def process_of(name: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a processor until the block is left."""
    child = subprocess.Popen([sys.executable, "-m", "stream_processors", name], env={**os.environ, **environment})
    try:
        yield child
    finally:
        child.terminate()
        assert child.wait(PATIENCE_S) == 0


@pytest.fixture(scope="module")
def environment(
    broker: Broker, scorer_data: Path, scorers: PromptScorers, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Variables of a deployment whose version 1 was trained on harmless prompts."""
    folder = tmp_path_factory.mktemp("deployment")
    (folder / "driftloop.yaml").write_text(CONFIGURATION)
    adapter = folder / VERSION
    adapter.mkdir()
    benign = [e.text for e in harm_corpus().train if e.label == 0]
    reference = build_reference(VERSION, benign[:600], benign[600:1200], scorers)
    (adapter / "reference.json").write_bytes(msgspec.json.encode(reference))
    ArtifactStore(str(folder / "artifacts")).publish(adapter, "prompt-guard", VERSION)
    ports = {f"DRIFTLOOP_{name.upper()}_PORT": str(free_port()) for name in ("safety", "quality", "drift")}
    return {
        **broker.environment,
        **ports,
        "DRIFTLOOP_DATA": str(scorer_data),
        "DRIFTLOOP_ARTIFACTS": str(folder / "artifacts"),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
    }


def traffic(start: datetime) -> list[InferenceResponded]:
    """Return twenty seconds of answers: harmless prompts, from the tenth second on half of them harmful."""
    rng = random.Random(11)
    examples = harm_corpus()
    benign = [e.text for e in examples.validation if e.label == 0]
    harmful = [e.text for e in examples.train if e.label == 1]
    prompts = [rng.choice(benign) for _ in range(2 * PER_WINDOW)]
    prompts += [rng.choice(harmful if rng.random() < 0.5 else benign) for _ in range(3 * PER_WINDOW)]
    step = timedelta(seconds=5 / PER_WINDOW)
    return [response(i, prompt=text, occurred_at=start + i * step) for i, text in enumerate(prompts)]


def read_until_still(broker: Broker, topics: Sequence[str], wanted: int) -> list[Record]:
    """Return the records of topics once `wanted` have come."""
    with closing(Tail(broker.settings, topics)) as tail:
        return [decoded(message) for message in gather(tail.poll, lambda got: len(got) >= wanted)]


def aligned(instant: datetime) -> datetime:
    """Return the start of the five-second window that an instant lies in."""
    return instant.replace(microsecond=0) - timedelta(seconds=instant.second % 5)


def test_answers_become_scores_and_a_shift_of_prompts_becomes_drift(
    broker: Broker, environment: dict[str, str]
) -> None:
    start = aligned(datetime.now(UTC)) - timedelta(seconds=30)
    answers = traffic(start)
    producer = Producer(broker.settings, "test")
    for answer in answers:
        producer.send(answer)
    producer.flush()
    with (
        process_of("safety", environment) as safety,
        process_of("quality", environment),
        process_of("drift", environment),
    ):
        scores = read_until_still(broker, [SCORES_RECORDED.name], 2 * len(answers))
        resident = psutil.Process(safety.pid).memory_info().rss
        drift = read_until_still(broker, ["drift.measured.v1"], 4 * 3 + 4 * 2)
    producer.close()

    recorded = [s for s in scores if isinstance(s, ScoresRecorded)]
    assert len({s.event_id for s in recorded}) == 2 * len(answers)
    assert {len(s.scores) for s in recorded} == {5, 1}
    assert all(score.value is not None for s in recorded for score in s.scores)
    assert resident < 520 * 2**20
    psi = {
        (m.metric, round((m.window_start - start).total_seconds()) // 5): m.drifted
        for m in drift
        if isinstance(m, DriftMeasured) and m.method == "PopulationStability"
    }
    assert [psi["prompt.harm", i] for i in range(4)] == [False, False, True, True]
    assert {metric for metric, _ in psi} == {"prompt.harm", "prompt.injection", "prompt.distance"}
