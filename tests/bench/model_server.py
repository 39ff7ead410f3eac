"""How fast does the model server write, beside transformers' own generate?

    python -m tests.bench.model_server [--tokens 48] [--calls 2] [--data FOLDER]

A server of its own process answers 1, 4 and 16 callers, each asking `--calls` times, one after the other: the base
alone, the base under a JSON Schema, one adapter, and three adapters and the base mixed. In the same run
`generate` writes the same prompts one after the other, and as static batches of 4 and 16. Greedy, the packaged
SmolLM2, adapters of the guard's shape. Prints one JSON line; rates are tokens a second by the
clock and a second of processor time, of the server's process or this one. On a machine that others use, too, the
latter is the one to compare.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from schemas.settings import port_variable
from services.models.threads import share_cores
from tests.bench.machine import machine
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import equals, until

BASE = "SmolLM2-135M-Instruct"
CALLERS = (1, 4, 16)
ADAPTERS = ("one", "two", "three")
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROMPTS = tuple(
    f"Write a short paragraph about {topic}."
    for topic in (
        *("a river in spring", "how bread is made", "the first snow", "an old library", "a walk by the sea"),
        *("learning to swim", "a market on Sunday", "why cats sleep so much", "a train at night", "growing tomatoes"),
        *("a letter to a friend", "the sound of rain", "mending a bicycle", "a village school", "the planet Mars"),
        "a recipe for soup",
    )
)
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 20}, "text": {"type": "string", "minLength": 400}},
    "required": ["title", "text"],
    "additionalProperties": False,
}
HELD = {"response_format": {"type": "json_schema", "json_schema": {"name": "paragraph", "schema": SCHEMA}}}


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, how long it took by the clock and in processor time, and how long each caller waited."""

    tokens: int
    seconds: float
    busy_s: float
    first_s: tuple[float, ...] = ()

    @property
    def figures(self) -> dict[str, float]:
        """The figures of the line that is printed."""
        found = {
            "tokens": self.tokens,
            "tokens_per_s": round(self.tokens / self.seconds, 2),
            "tokens_per_cpu_s": round(self.tokens / self.busy_s, 2),
        }
        return (
            {**found, "first_token_ms_median": round(1000 * statistics.median(self.first_s))} if self.first_s else found
        )


class Plain:
    """transformers' generate in this process."""

    def __init__(self, folder: Path) -> None:
        from services.models.base import load_base

        self.model, self.tokenizer = load_base(folder)
        self._ends = self.model.generation_config.eos_token_id

    def write(self, rows: int, prompts: Sequence[str], tokens: int) -> Written:
        """Write to the prompts in static batches of so many rows."""
        import torch

        begun, busy, count = time.perf_counter(), time.process_time(), 0
        for at in range(0, len(prompts), rows):
            ids, mask = self._padded(prompts[at : at + rows])
            with torch.inference_mode():
                whole = self.model.generate(
                    ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=self._ends
                )
            count += sum(self._length(row.tolist()) for row in whole[:, ids.shape[1] :])
        return Written(count, time.perf_counter() - begun, time.process_time() - busy)

    def _padded(self, prompts: Sequence[str]) -> tuple[Any, Any]:
        import torch

        from services.models.choices import prompt_ids

        rows = [prompt_ids(self.tokenizer, [{"role": "user", "content": prompt}]) for prompt in prompts]
        longest = max(map(len, rows))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
        return ids, torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])

    def _length(self, tokens: list[int]) -> int:
        return tokens.index(self._ends) + 1 if self._ends in tokens else len(tokens)


class Callers:
    """Callers of a server, each of whom waits for one answer before asking for the next."""

    def __init__(self, url: str, server: psutil.Process) -> None:
        self._url, self._server = url, server

    def write(self, models: Sequence[str], calls: int, tokens: int, **fields: object) -> Written:
        """Let a caller for each model ask so many times."""
        return asyncio.run(self._write(models, calls, {"max_tokens": tokens, "temperature": 0, **fields}))

    async def _write(self, models: Sequence[str], calls: int, fields: dict[str, object]) -> Written:
        begun, busy = time.perf_counter(), sum(self._server.cpu_times()[:2])
        async with httpx.AsyncClient(base_url=self._url, timeout=None) as client:
            found = await asyncio.gather(
                *(self._caller(client, model, at, calls, fields) for at, model in enumerate(models))
            )
        answers = [answer for caller in found for answer in caller]
        return Written(
            sum(tokens for tokens, _ in answers),
            time.perf_counter() - begun,
            sum(self._server.cpu_times()[:2]) - busy,
            tuple(first for _, first in answers),
        )

    async def _caller(
        self, client: httpx.AsyncClient, model: str, at: int, calls: int, fields: dict[str, object]
    ) -> list[tuple[int, float]]:
        return [
            await self._ask(client, model, PROMPTS[(at + 5 * call) % len(PROMPTS)], fields) for call in range(calls)
        ]

    async def _ask(
        self, client: httpx.AsyncClient, model: str, prompt: str, fields: dict[str, object]
    ) -> tuple[int, float]:
        body = {
            **{"model": model, "messages": [{"role": "user", "content": prompt}]},
            **{"stream": True, "stream_options": {"include_usage": True}, **fields},
        }
        asked, first, tokens = time.perf_counter(), 0.0, 0
        async with client.stream("POST", "/v1/chat/completions", json=body) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                event = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {"choices": []}
                if not first and any(choice["delta"].get("content") for choice in event["choices"]):
                    first = time.perf_counter() - asked
                tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
        return tokens, first


@contextmanager
def serving(data: Path, adapters: dict[str, Path]) -> Iterator[Callers]:
    """Run a model server with adapters until the block is left."""
    port = free_port()
    configuration = next(iter(adapters.values())).parent / "driftloop.yaml"
    configuration.write_text(f"apps: [{{name: app, base_model: {BASE}}}]")
    environment = {
        "DRIFTLOOP_CONFIG": str(configuration),
        "DRIFTLOOP_DATA": str(data),
        port_variable("model_server"): str(port),
    }
    server = subprocess.Popen([sys.executable, "-m", "services.model_server"], env={**os.environ, **environment})
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _status(url), equals(200))
        for name, folder in adapters.items():
            body = {"lora_name": name, "lora_path": str(folder)}
            httpx.post(f"{url}/v1/load_lora_adapter", json=body, timeout=60).raise_for_status()
        yield Callers(url, psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait()


def make_adapters(plain: Plain, folder: Path) -> dict[str, Path]:
    """Save adapters of the guard's shape, rank 16 on all linear layers of the top 12; they change nothing."""
    from peft import LoraConfig, get_peft_model

    layers = plain.model.config.num_hidden_layers
    shape = LoraConfig(
        r=16,
        lora_alpha=32,
        target_modules=LINEAR,
        layers_to_transform=list(range(layers - 12, layers)),
        init_lora_weights=True,
        task_type="CAUSAL_LM",
    )
    wrapped = get_peft_model(plain.model, shape, adapter_name=ADAPTERS[0])
    for name in ADAPTERS[1:]:
        wrapped.add_adapter(name, shape)
    wrapped.save_pretrained(folder, selected_adapters=list(ADAPTERS))
    plain.model = wrapped.unload()
    return {name: folder / name for name in ADAPTERS}


def measure(data: Path, *, tokens: int, calls: int) -> dict[str, object]:
    """Return the figures of a run."""
    from services.models.base import base_model_folder

    plain = Plain(base_model_folder(BASE, data))
    with tempfile.TemporaryDirectory() as scratch:
        adapters = make_adapters(plain, Path(scratch))
        plain.write(1, PROMPTS[:1], 4)
        own = {f"static batch of {rows}": plain.write(rows, PROMPTS, tokens) for rows in CALLERS if rows > 1}
        own["generate one by one"] = plain.write(1, PROMPTS[:4], tokens)
        with serving(data, adapters) as callers:
            callers.write([BASE], 1, 4)
            served = {f"{rows} callers": callers.write([BASE] * rows, calls, tokens) for rows in CALLERS}
            served["16 callers, one adapter"] = callers.write(["one"] * 16, calls, tokens)
            served["16 callers, four adapters"] = callers.write([BASE, *ADAPTERS] * 4, calls, tokens)
            served["16 callers, JSON Schema"] = callers.write([BASE] * 16, calls, tokens, **HELD)
    alone = own["generate one by one"]
    return {
        "machine": machine(),
        "tokens": tokens,
        "dtype": str(plain.model.dtype),
        "figures": {name: written.figures for name, written in {**own, **served}.items()},
        "times_generate_by_cpu": {name: _times(written, alone) for name, written in {**own, **served}.items()},
    }


def _times(written: Written, alone: Written) -> float:
    return round((written.tokens / written.busy_s) / (alone.tokens / alone.busy_s), 2)


def _status(url: str) -> int:
    try:
        return httpx.get(f"{url}/healthz", timeout=10).status_code
    except httpx.TransportError:
        return 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--calls", type=int, default=2)
    parser.add_argument("--data", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measure(asked.data or Path(scratch), tokens=asked.tokens, calls=asked.calls)))


if __name__ == "__main__":
    share_cores(os.environ)
    main()
