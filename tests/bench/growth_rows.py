"""The history that tests.bench.growth looks at: generated inside the engine, as the processes would have left it.

A call is a request, a response, three scores and, every fifth time, feedback, at an even rate up to now.
Every WINDOW_S each source partition closed a window of each of two versions, with a real sketch; every
DRIFT_S drift was measured. The loop's own story, a breach and its fix, lies in the last ten minutes.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from schemas.settings import Settings
from schemas.sketches import Accumulator
from schemas.topics import INFERENCE_RESPONDED
from services.clients.warehouse.client import Warehouse
from tests.dashboards.builders import APP, MODEL, V1, V2
from tests.dashboards.story import LENGTH, tell

ROWS_A_CALL = 5.2
WINDOW_S = 10
DRIFT_S = 60
_STEP = 200_000
_TEXT_KB = 256


@dataclass(frozen=True, slots=True)
class History:
    """So many calls at so many a second, the last one now."""

    calls: int
    rate: float
    end: datetime

    @property
    def seconds(self) -> int:
        """How long it took."""
        return int(self.calls / self.rate)

    @property
    def begin_ms(self) -> int:
        """When it began, Unix milliseconds."""
        return round((self.end - timedelta(seconds=self.calls / self.rate)).timestamp() * 1000)


def fill(settings: Settings, rows: int, rate: float) -> None:
    """Store a history of about so many rows in a migrated, empty database."""
    history = History(round(rows / ROWS_A_CALL), rate, datetime.now(UTC))
    with Warehouse.connect(settings) as warehouse:
        warehouse.execute("CREATE TABLE prose (text String) ENGINE = Memory")
        warehouse.insert("prose", ["text"], [[_prose()]])
        for statement in _statements(history):
            warehouse.execute(statement)
        warehouse.execute("DROP TABLE prose")
    tell(settings, datetime.now(UTC) - LENGTH)


def _prose() -> str:
    """Return text that compresses about as prose does: words of a skewed frequency."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(5000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return " ".join(rng.choices(words, weights, k=_TEXT_KB * 1024 // 5))


def _statements(history: History) -> Iterator[str]:
    for first in range(0, history.calls, _STEP):
        last = min(first + _STEP, history.calls)
        yield _requests(history, first, last)
        yield _responses(history, first, last)
        yield _scores(history, first, last)
        yield _feedback(history, first, last)
    yield _windows(history)
    yield _drift(history)


def _about(history: History, number: str) -> str:
    """Return the columns that every record has, for a call's number."""
    moment = f"fromUnixTimestamp64Milli(toInt64({history.begin_ms} + {number} * {1000 / history.rate}), 'UTC')"
    version = f"if({number} * 2 < {history.calls}, '{V1}', '{V2}') AS adapter_version"
    position = f"'id' AS topic_id, {number} % 8 AS partition, intDiv({number}, 8) AS offset"
    return (
        f"{moment} AS occurred_at, '{APP}' AS app, '{MODEL}' AS model, {version}, 'stable' AS variant, "
        f"'default' AS tenant, {position}, occurred_at AS recorded_at, "
        f"concat('chatcmpl-', toString({number})) AS request_id"
    )


_ABOUT = (
    "event_id, occurred_at, app, model, adapter_version, variant, tenant, topic_id, partition, offset, recorded_at, "
    "request_id"
)
_PROMPT = """
    concat('[{"role":"user","content":"', substring((SELECT text FROM prose), 1 + rand(number) % 200000, 700), '"}]')
    AS messages
"""


def _requests(history: History, first: int, last: int) -> str:
    return f"""
        INSERT INTO requests ({_ABOUT}, messages)
        SELECT toString(generateUUIDv7()), {_about(history, "number")}, {_PROMPT}
        FROM numbers({first}, {last - first})
    """


def _responses(history: History, first: int, last: int) -> str:
    return f"""
        INSERT INTO responses ({_ABOUT}, messages, output, usage, latency_ms, ttft_ms, cost_usd)
        SELECT toString(generateUUIDv7()), {_about(history, "number")}, {_PROMPT},
            concat('{{"content":"', substring((SELECT text FROM prose), 1 + rand(number + 1) % 200000, 200), '"}}'),
            '{{"input_tokens":170,"output_tokens":50}}', exp(4.5 + randNormal(0, 0.3)), 12.5, 0.0001
        FROM numbers({first}, {last - first})
    """


def _scores(history: History, first: int, last: int) -> str:
    return f"""
        INSERT INTO scores ({_ABOUT}, name, value, label, scorer, sampling_probability)
        SELECT toString(generateUUIDv7()), {_about(history, "intDiv(number, 3)")},
            ['prompt.injection', 'prompt.harm', 'prompt.distance'][number % 3 + 1] AS name,
            rand(number) / 4294967295 AS value,
            if(name = 'prompt.distance', '', if(value > 0.9, 'unsafe', 'safe')), 'head@1', 1
        FROM numbers({3 * first}, {3 * (last - first)})
    """


def _feedback(history: History, first: int, last: int) -> str:
    return f"""
        INSERT INTO feedback ({_ABOUT}, label)
        SELECT toString(generateUUIDv7()), {_about(history, "number * 5")}, 'safe'
        FROM numbers({first // 5}, {(last - first) // 5})
    """


def _windows(history: History) -> str:
    """Return the windows: of both versions, and of each partition."""
    calls = history.rate * WINDOW_S / INFERENCE_RESPONDED.partitions
    rng, times = random.Random(2), Accumulator()
    for _ in range(max(1, round(calls))):
        times.add(rng.lognormvariate(4.5, 0.3))
    sketches = msgspec.json.encode({"latency_ms": times.sketch(), "ttft_ms": times.sketch()}).decode()
    counters = msgspec.json.encode(
        {"responses": calls, "errors": 0.0, "input_tokens": 170 * calls, "output_tokens": 50 * calls, "cost_usd": 0.1}
    ).decode()
    partitions = INFERENCE_RESPONDED.partitions
    return f"""
        INSERT INTO metric_windows (event_id, occurred_at, app, model, adapter_version, variant, tenant, topic_id,
            partition, offset, recorded_at, window_start, window_end, source_topic, source_partition, first_offset,
            last_offset, counters, sketches)
        SELECT toString(generateUUIDv7()), window_end, '{APP}', '{MODEL}', ['{V1}', '{V2}'][number % 2 + 1], 'stable',
            'default', 'id', 0, number, window_end,
            fromUnixTimestamp64Milli(toInt64({history.begin_ms} + intDiv(number, {2 * partitions}) * {WINDOW_S * 1000}))
            AS window_start, window_start + {WINDOW_S} AS window_end, '{INFERENCE_RESPONDED.name}',
            intDiv(number, 2) % {partitions}, number, number, '{counters}', '{sketches}'
        FROM numbers({2 * partitions * (history.seconds // WINDOW_S)})
    """


def _drift(history: History) -> str:
    return f"""
        INSERT INTO drift_measurements (event_id, occurred_at, app, model, adapter_version, variant, tenant, topic_id,
            partition, offset, recorded_at, metric, method, value, threshold, drifted, count, window_end)
        SELECT toString(generateUUIDv7()), window_end, '{APP}', '{MODEL}', '{V1}', 'stable', 'default', 'id', 0, number,
            window_end, ['prompt.injection', 'prompt.harm', 'prompt.distance'][number % 3 + 1], 'PopulationStability',
            0.1, 0.25, number % 100 = 0, 500,
            fromUnixTimestamp64Milli(toInt64({history.begin_ms} + intDiv(number, 24) * {DRIFT_S * 1000})) AS window_end
        FROM numbers({24 * (history.seconds // DRIFT_S)})
    """
