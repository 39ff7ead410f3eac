"""vLLM as a process of its own, which a test may kill and start again at the same address."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from services.embedded import leash
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import until

BASE = "SmolLM2-135M-Instruct"
ENVIRONMENT = "DRIFTLOOP_TEST_VLLM"
# Half a minute on two idle cores.
_STARTS_WITHIN_S = 600.0
_MANNERS = {
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}
_OPTIONS = ("--enable-lora", "--max-lora-rank 16", "--max-loras 4", "--max-model-len 512", "--enforce-eager")


class Vllm:
    """One replica; it dies with the thread that started it.

    Args:
        model: Folder of the base.
        folder: Takes what it says.
    """

    def __init__(self, model: Path, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._model, self._output = model, folder / "vllm.log"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once it answers.

        Raises:
            RuntimeError: It has ended; the message has the end of what it said.
        """
        program = Path(os.environ[ENVIRONMENT]) / "bin" / "vllm"
        options = [word for option in _OPTIONS for word in option.split()]
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        served = [str(program), "serve", str(self._model), "--served-model-name", BASE, *options, *address]
        with self._output.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, leash.__file__, str(os.getpid()), *served],
                env={**os.environ, **_MANNERS},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(lambda: self._answers() or self._ended(), patience_s=_STARTS_WITHIN_S, every_s=0.5)
        if self._ended():
            raise RuntimeError(f"vLLM has ended: {self._output.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill it and its engine without warning."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
            self._child = None

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        return False

    def _ended(self) -> bool:
        return self._child is not None and self._child.poll() is not None
