"""The log that tests.bench.ingest reads: responses of 1 KB, single or many a message, over all partitions."""

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

from schemas.codec import BATCH_CONTENT_TYPE, encode, headers_of
from schemas.ids import time_ordered_id
from schemas.inference import InferenceResponded, Message, Usage
from schemas.record import Variant
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, key_of
from services.clients.bus.errors import BufferFull
from services.clients.bus.partitioning import partition_of
from services.clients.bus.producer import Producer

_ARRAY = (("content-type", BATCH_CONTENT_TYPE.encode()),)
_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "nobody", "looks", "twice")


def responses(count: int, rng: random.Random) -> Iterator[InferenceResponded]:
    """Yield responses of the moment that they are asked for, of two apps, three versions, and about 1 KB each."""
    for number in range(count):
        at = datetime.now(UTC) - timedelta(milliseconds=rng.randrange(1000))
        yield InferenceResponded(
            event_id=time_ordered_id(round(at.timestamp() * 1000), rng.randbytes(10)),
            occurred_at=at,
            app=rng.choice(["guard", "support"]),
            model="SmolLM2-135M-Instruct",
            adapter_version=rng.choice(["guard-v1", "guard-v2", "guard-v3"]),
            variant=rng.choice([Variant.STABLE, Variant.CANARY]),
            request_id=f"chatcmpl-{number}-{rng.getrandbits(48):x}",
            messages=(Message(role="user", content=" ".join(rng.choices(_WORDS, k=55))),),
            output=Message(role="assistant", content=" ".join(rng.choices(_WORDS, k=30))),
            finish_reason="stop",
            usage=Usage(input_tokens=rng.randrange(20, 300), output_tokens=rng.randrange(1, 80)),
            latency_ms=rng.expovariate(0.01),
            ttft_ms=rng.expovariate(0.1),
            cost_usd=0.0001,
        )


def fill(settings: Settings, *, events: int, per_message: int) -> None:
    """Write events to the log of responses, keyed as the product keys them."""
    topic, waiting = INFERENCE_RESPONDED.name, defaultdict(list)
    with closing(Producer(settings, "bench")) as producer:
        partitions = producer.partitions(topic)
        for record in responses(events, random.Random(1)):
            partition = partition_of(key_of(record), partitions)
            if per_message == 1:
                _send(producer, encode(record), tuple(headers_of(record)), partition)
                continue
            waiting[partition].append(encode(record))
            if len(waiting[partition]) == per_message:
                _send(producer, b"[" + b",".join(waiting.pop(partition)) + b"]", _ARRAY, partition)
        for partition, left in waiting.items():
            _send(producer, b"[" + b",".join(left) + b"]", _ARRAY, partition)
        producer.flush(120)


def _send(producer: Producer, value: bytes, headers: tuple[tuple[str, bytes], ...], partition: int) -> None:
    while True:
        try:
            producer.send_raw(INFERENCE_RESPONDED.name, value, headers=headers, partition=partition)
        except BufferFull:
            producer.flush(120)
        else:
            return
