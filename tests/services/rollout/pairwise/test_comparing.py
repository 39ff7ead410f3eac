"""From a real log over a real endpoint to outcomes, beside whoever asks for them."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count

import pytest

from schemas.record import Variant
from schemas.rollout_policy import PairJudge
from schemas.scoring import Endpoint
from schemas.topics import INFERENCE_RESPONDED
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.rollout.evidence.compared import Compared, Outcome
from services.rollout.pairwise.comparing import AT_ONCE, PairComparer
from services.rollout.pairwise.watches import Watch
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S, at_least, until
from tests.services.rollout.builders import APP, START
from tests.services.rollout.pairwise.answers import V1, V2, answered
from tests.services.rollout.pairwise.test_asking import Judge, kinder

pytestmark = pytest.mark.broker


class Log:
    """Answers to new requests, two to each, as often as one asks."""

    def __init__(self, producer: Producer) -> None:
        self._producer, self._numbers = producer, count()

    def more(self) -> None:
        now = datetime.now(UTC)
        for number in (next(self._numbers) for _ in range(5)):
            for variant in (Variant.STABLE, Variant.SHADOW):
                self._producer.send(answered(f"request-{number}", variant, now))
        self._producer.flush()


@contextmanager
def comparing(broker: Broker) -> Iterator[tuple[PairComparer, Log]]:
    comparer = PairComparer(lambda: Tail(broker.settings, [INFERENCE_RESPONDED.name], from_end=True), {})
    with closing(Producer(broker.settings, "test")) as producer, closing(comparer):
        comparer.start()
        yield comparer, Log(producer)


def watch(url: str, left: int) -> Watch:
    endpoint = Endpoint(form="judge", url=f"{url}/v1", model="judge-1", rubric="The kinder.", timeout_s=PATIENCE_S)
    return Watch(APP, "rollout-1", V2, V1, START, PairJudge(endpoint=endpoint), left)


def asked(judge: Judge, log: Log) -> int:
    """Give more answers and return how often the judge was asked."""
    log.more()
    return len(judge.asked)


def gathered(comparer: PairComparer, log: Log, least: int) -> list[Compared]:
    """Give answers until so many pairs are compared; the first may come before anybody reads."""
    found: list[Compared] = []

    def look() -> int:
        log.more()
        found.extend(comparer.outcomes())
        return len(found)

    until(look, lambda seen: seen >= least, every_s=0.3)
    return found


def test_pairs_of_the_log_are_judged_once_each(broker: Broker) -> None:
    judge = Judge()
    judge.says = kinder
    with Served(judge.application) as served, comparing(broker) as (comparer, log):
        comparer.watch([watch(served.url, 1000)])
        found = gathered(comparer, log, 8)
    assert {one.outcome for one in found} == {Outcome.WON}
    assert len({one.event_id for one in found}) == len(found)


def test_no_more_pairs_are_shown_than_the_budget_has_left(broker: Broker) -> None:
    judge = Judge()
    with Served(judge.application) as served, comparing(broker) as (comparer, log):
        comparer.watch([watch(served.url, 3)])
        until(lambda: asked(judge, log), at_least(6), every_s=0.3)
        for _ in range(10):
            log.more()
        comparer.watch([])
        found = gathered(comparer, log, 3)
    assert (len(judge.asked), len(found)) == (6, 3)


def test_a_judge_that_hangs_holds_nobody_up(broker: Broker) -> None:
    judge, hanging = Judge(), threading.Event()
    judge.says = lambda quoted: "tie" if hanging.wait(PATIENCE_S) else None
    with Served(judge.application) as served:
        with comparing(broker) as (comparer, log):
            comparer.watch([watch(served.url, 1000)])
            until(lambda: asked(judge, log), every_s=0.3)
            assert comparer.outcomes() == []
            assert len(judge.asked) <= AT_ONCE
        hanging.set()
