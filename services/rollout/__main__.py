"""`python -m services.rollout`: brings trained versions to users, step by step, and takes them back.

adapters.trained.v1, rollouts.ordered.v1, metrics.window-closed.v1, scores.recorded.v2 -> rollouts.changed.v1

While a version shadows whose policy names a judge, inference.responded.v1 is read beside the loop: no news, but
samples (services.rollout.pairwise.comparing).

One instance runs in a deployment. Order of effects, so that kill -9 between any two loses and doubles
nothing:
  1. News and windows become states in the store, each together with the changes it leads to.
  2. Untold changes are produced, with ids derived from rollout and sequence, and flushed.
  3. They are marked as told; a crash before this produces them again under the same ids.
  4. The offsets are committed; a crash before this brings news again, which the store knows.
"""

import logging
import os
import ssl
import sys
from contextlib import closing
from functools import partial

from prometheus_client import REGISTRY

from schemas.configuration_parser import BadConfiguration
from schemas.topics import (
    ADAPTERS_TRAINED,
    INFERENCE_RESPONDED,
    METRICS_WINDOW_CLOSED,
    ROLLOUTS_ORDERED,
    SCORES_RECORDED,
)
from services.clients.bus.consumer import Consumer
from services.clients.bus.errors import BrokerDown
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.clients.registry.artifacts import ArtifactStore
from services.clients.store.database import open_store
from services.parts.credentials import credentials_of
from services.parts.reach import proxy_to, trust_of
from services.parts.runtime.process import Process, running
from services.rollout.aliases import AliasMover
from services.rollout.convergence import Converger
from services.rollout.loop import Loop
from services.rollout.pairwise.asking import unset
from services.rollout.pairwise.comparing import PairComparer
from services.rollout.persistence import RolloutStore

log = logging.getLogger(__name__)

NAME = "rollout"
VISIT_REPLICAS_EVERY_S = 2.0
_TOPICS = [topic.name for topic in (ADAPTERS_TRAINED, ROLLOUTS_ORDERED, METRICS_WINDOW_CLOSED, SCORES_RECORDED)]


def main() -> None:
    """Run until stopped."""
    with running(NAME) as process, closing(Producer(process.settings, NAME)) as producer:
        engine = open_store(process.settings.store_url)
        fetch = partial(ArtifactStore(process.settings.artifacts).fetch, into=process.settings.data / NAME)
        headers, trust = _told_and_trusted(process)
        converger = Converger(fetch, VISIT_REPLICAS_EVERY_S, headers=headers, trust=trust)
        aliases = AliasMover()
        pairs = PairComparer(lambda: Tail(process.settings, [INFERENCE_RESPONDED.name], from_end=True), os.environ)
        converger.start()
        aliases.start()
        pairs.start()
        consumer = _consumer(process)
        if consumer is not None:
            with closing(consumer):
                loop = Loop(process, RolloutStore(engine), producer, converger, aliases, pairs=pairs)
                REGISTRY.register(loop.measures)
                loop.run(consumer)
        pairs.close()
        aliases.close()
        converger.close()
        engine.dispose()


def _told_and_trusted(process: Process) -> tuple[dict[str, dict[str, str]], dict[str, ssl.SSLContext]]:
    """Return by app what its upstreams want to be told, and what their certificates are trusted by.

    A key or a judge's address that is not set, or a file or proxy of no use, ends the process with one line and
    status 2.
    """
    apps = process.configuration.apps
    try:
        for url in (url for app in apps for url in app.upstreams):
            proxy_to(url, os.environ)
        for judge in filter(None, (policy.judge for policy in process.configuration.rollout)):
            if missing := unset(judge.endpoint, os.environ):
                raise BadConfiguration(f"the judge of pairs needs the environment variable {missing}")
        trust = {app.name: context for app in apps if (context := trust_of(app)) is not None}
        return {app.name: credentials_of(app, os.environ).as_headers for app in apps}, trust
    except BadConfiguration as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        sys.exit(2)


def _consumer(process: Process) -> Consumer | None:
    while not process.stopping.is_set():
        try:
            return Consumer(process.settings, NAME, _TOPICS)
        except BrokerDown as error:
            log.warning("%s", error)
            process.stopping.wait(1)
    return None


if __name__ == "__main__":
    main()
