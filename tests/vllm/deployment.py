"""Gateway and rollout controller as processes, on a real broker, before one replica of vLLM."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from schemas.learning import RolloutChanged
from schemas.topics import ROLLOUTS_CHANGED
from services.clients.bus.decoding import decoded
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import until
from tests.services.rollout.builders import APP, ordered, trained
from tests.vllm.server import BASE, Vllm

LABELS = ("safe", "unsafe")
# vLLM shares two cores with whatever else the machine does.
PATIENCE_S = 600.0
_PROCESSES = ("services.rollout", "services.gateway")
CONFIGURATION = f"""
apps:
  - {{{{name: {APP}, base_model: {BASE}, upstreams: ["{{url}}"], labels: [safe, unsafe], constrain: vllm}}}}
rollout:
  - {{{{app: {APP}, shadow_for: 1s, step_for: 1h, give_up_after: 2h, steps: [0.5]}}}}
"""


class Deployment:
    """What an operator and a user have before them. What it has started is gone after `close`."""

    def __init__(self, broker: Broker | KafkaNode, vllm: Vllm, folder: Path, adapters: Path) -> None:
        (folder / "driftloop.yaml").write_text(CONFIGURATION.format(url=vllm.url))
        port = free_port()
        environment = {
            **os.environ,
            **broker.environment,
            "DRIFTLOOP_DATA": str(folder / "data"),
            "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
            "DRIFTLOOP_ROLLOUT_PORT": str(free_port()),
            "DRIFTLOOP_GATEWAY_PORT": str(port),
        }
        self.vllm, self._adapters = vllm, adapters
        self._producer = Producer(broker.settings, "test")
        self._tail = Tail(broker.settings, [ROLLOUTS_CHANGED.name])
        self._told: list[tuple[str, str]] = []
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False)
        self._children = [subprocess.Popen([sys.executable, "-m", name], env=environment) for name in _PROCESSES]
        until(self._answers)

    def close(self) -> None:
        """Stop the processes."""
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(60)
        self._client.close()
        self._tail.close()
        self._producer.close()

    def train(self, version: str, *, passed: bool) -> None:
        """Tell that a version was trained, and what the gate said of it."""
        news = trained(version, passed=passed, uri=str(self._adapters / version))
        self._producer.send(msgspec.structs.replace(news, occurred_at=datetime.now(UTC)))
        self._producer.flush()

    def order(self, version: str, action: str) -> None:
        """Order a version past the gate, or back."""
        order = ordered(version, action, override=action == "start", order=f"{action}-{version}")
        self._producer.send(msgspec.structs.replace(order, occurred_at=datetime.now(UTC)))
        self._producer.flush()

    def wait_for(self, version: str, state: str) -> None:
        """Return once the controller has told that a version is in a state."""
        until(self._states, lambda states: (version, state) in states, patience_s=PATIENCE_S)

    def held(self) -> set[str]:
        """Return the adapters that vLLM lists; none while it is away."""
        with suppress(httpx.TransportError):
            listed = httpx.get(f"{self.vllm.url}/v1/models", timeout=PATIENCE_S).json()
            return {model["id"] for model in listed["data"] if model["parent"]}
        return set()

    def ask(self, text: str, *, user: str = "ada", **fields: Any) -> tuple[str, str]:
        """Return the answer to a user's question, and the version that gave it."""
        messages = [{"role": "user", "content": text}]
        body = {"model": APP, "messages": messages, "max_tokens": 8, "temperature": 0, "user": user, **fields}
        answer = self._client.post("/v1/chat/completions", json=body)
        assert answer.is_success, answer.text
        told = answer.json()["choices"][0]["message"]["content"]
        return told, answer.headers["x-driftloop-adapter-version"]

    def streamed(self, text: str) -> str:
        """Return the answer to a question, put together from its stream."""
        messages = [{"role": "user", "content": text}]
        body = {"model": APP, "messages": messages, "max_tokens": 8, "temperature": 0, "stream": True}
        with self._client.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: {")]
        choices = [choice for line in lines for choice in msgspec.json.decode(line)["choices"]]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    def answering(self, users: Sequence[str]) -> dict[str, str]:
        """Return which version answers each user."""
        return {user: self.ask("How do I bake bread?", user=user)[1] for user in users}

    def _states(self) -> list[tuple[str, str]]:
        for message in self._tail.poll(0.3):
            change = decoded(message)
            assert isinstance(change, RolloutChanged)
            self._told.append((change.adapter_version, change.state))
        return self._told

    def _answers(self) -> bool:
        assert all(child.poll() is None for child in self._children), "a process has ended"
        with suppress(httpx.TransportError):
            return self._client.get("/healthz").is_success
        return False
