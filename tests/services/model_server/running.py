"""A model server on a free port, for tests that talk to it as clients do."""

import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from schemas.configuration import App, Configuration
from schemas.settings import Settings
from services.model_server.application import build_application
from services.model_server.waiting import Limits, WaitingRoom
from services.parts.ingress.serving import server_options
from tests.fixtures.tiny_model import messages_of
from tests.fixtures.waiting import PATIENCE_S, equals, until

CHAT = "/v1/chat/completions"
BASE = "tiny"


class Running:
    """A server on a free port, and a client of it."""

    def __init__(self, data: Path, limits: Limits) -> None:
        configuration = Configuration(apps=(App(name="guard", base_model=BASE),))
        application = build_application(
            Settings.from_environment({"DRIFTLOOP_DATA": str(data)}), configuration, limits=limits
        )
        self.room: WaitingRoom = application.state.room
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(server_options(application))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()
        port = self._listener.getsockname()[1]
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S)
        until(lambda: self.client.get("/healthz").status_code, equals(200))

    def close(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._listener.close()

    def ask(self, *, model: str = BASE, prompt: str = "soup and bread", **fields: Any) -> httpx.Response:
        return self.client.post(CHAT, json={"model": model, "messages": messages_of(prompt), **fields})

    def models(self) -> list[dict[str, Any]]:
        return list(self.client.get("/v1/models").json()["data"])

    def load(self, name: str, folder: Path | str) -> httpx.Response:
        return self.client.post("/v1/load_lora_adapter", json={"lora_name": name, "lora_path": str(folder)})

    def unload(self, name: str) -> httpx.Response:
        return self.client.post("/v1/unload_lora_adapter", json={"lora_name": name})

    def metric(self, name: str) -> float:
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def data_with(model: Path, folder: Path) -> Path:
    """Return a data folder whose base model is the one at hand."""
    (folder / "models").mkdir()
    (folder / "models" / BASE).symlink_to(model)
    return folder


def hold(server: Running) -> tuple[threading.Event, threading.Event]:
    """Keep the model's thread busy until the second event is set; the first tells that it is."""
    held, release = threading.Event(), threading.Event()

    def wait() -> None:
        held.set()
        release.wait(PATIENCE_S)

    server.room.command(wait)
    assert held.wait(PATIENCE_S)
    return held, release
