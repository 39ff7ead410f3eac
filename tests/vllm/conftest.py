"""One vLLM, two adapters and one deployment for all tests of this room: a start takes half a minute at best."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.models.base import base_model_folder
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.tiny_model import make_tiny_adapter
from tests.vllm.deployment import Deployment
from tests.vllm.server import BASE, Vllm

V1, V2 = "prompt-guard-v1", "prompt-guard-v2"


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a base and two adapters for it, each in a folder by its name."""
    folder = tmp_path_factory.mktemp("adapters")
    base = base_model_folder(BASE, folder)
    for seed, version in enumerate((V1, V2)):
        make_tiny_adapter(base, folder / version, seed=seed)
    return folder


@pytest.fixture(scope="module")
def vllm(adapters: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vllm]:
    """A running vLLM without adapters."""
    server = Vllm(base_model_folder(BASE, adapters), tmp_path_factory.mktemp("vllm"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def deployment(
    broker: Broker | KafkaNode, vllm: Vllm, adapters: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A deployment whose first version is promoted."""
    running = Deployment(broker, vllm, tmp_path_factory.mktemp("deployment"), adapters)
    try:
        running.train(V1, passed=True)
        running.wait_for(V1, "promoted")
        yield running
    finally:
        running.close()
