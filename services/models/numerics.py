"""Which number format is fast on this machine: measured, not believed, and remembered beside the model."""

import json
import time
from contextlib import suppress
from pathlib import Path

import torch

PROBE = "numerics.json"
_TOKENS = 256
_REPEATS = 5


def fastest_dtype(folder: Path, *, hidden: int, intermediate: int) -> torch.dtype:
    """Return bfloat16 where the model's widest product is faster in it, else float32.

    The first call measures (well under a second) and writes `numerics.json` into the folder, so that
    trainer, gate and server agree; in a folder that can't be written every call measures.

    Args:
        folder: The model's folder.
        hidden: Width of the model.
        intermediate: Width of its MLP.
    """
    file = folder / PROBE
    if file.is_file():
        return _named(json.loads(file.read_text())["dtype"])
    seconds = {dtype: _seconds(dtype, hidden, intermediate) for dtype in (torch.float32, torch.bfloat16)}
    best = min(seconds, key=lambda dtype: seconds[dtype])
    record = {"dtype": _name(best), "seconds": {_name(dtype): round(took, 6) for dtype, took in seconds.items()}}
    with suppress(OSError):
        scratch = file.with_suffix(".tmp")
        scratch.write_text(json.dumps(record))
        scratch.replace(file)
    return best


def _seconds(dtype: torch.dtype, hidden: int, intermediate: int) -> float:
    """Return the least time of a forward and a backward product; the least is what the machine can do."""
    rows = torch.ones(_TOKENS, hidden, dtype=dtype)
    weight = torch.ones(hidden, intermediate, dtype=dtype)
    took = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        (rows @ weight) @ weight.T
        took.append(time.perf_counter() - begun)
    return min(took)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _named(name: str) -> torch.dtype:
    return torch.bfloat16 if name == "bfloat16" else torch.float32
