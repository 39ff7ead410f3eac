"""Two light classifiers over prompts and answers: injection and harm, as the safety processor takes them.

How they are made and how they judge: services.scorers.embedded. Heads are trained once, in a child process so
that this one never holds scikit-learn, and kept as arrays.
"""

import functools
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from services.scorers.embedded.cascade import Head, Numbers
from services.scorers.embedded.encoder import Encoder
from services.scorers.embedded.examples import JUDGEMENTS, Judgement
from services.scorers.embedded.store import head_file, load
from services.scorers.embedding import Embedder

__all__ = ["FitFailedError", "Head", "Judgement", "Probabilities", "harm_head", "head_file", "injection_head", "train"]

Probabilities = Numbers
Tell = Callable[[float, str], None]

FIT_TIMEOUT_S = 900


def injection_head(data: Path, embedder: Embedder | None = None) -> Head:
    """Return the head that knows prompt injections, training it at first use."""
    return _head("injection", data, embedder or Embedder.load())


def harm_head(data: Path, embedder: Embedder | None = None) -> Head:
    """Return the head that knows requests for harm, training it at first use."""
    return _head("harm", data, embedder or Embedder.load())


def _head(judgement: Judgement, data: Path, embedder: Embedder) -> Head:
    path = head_file(judgement, data)
    if not path.exists():
        train(data)
    return load(judgement, path, embedder, _encoder())


@functools.cache
def _encoder() -> Encoder:
    """Return the process's encoder: both heads look through one."""
    return Encoder.load()


def train(data: Path, tell: Tell = lambda done, what: None, *, again: bool = False) -> None:
    """Train both heads into a data folder, in a child; who comes second waits for the first.

    Args:
        data: The deployment's data folder.
        tell: Called with the share that is done, 0 to 1, and what comes next.
        again: Also if they are there.

    Raises:
        FitFailedError: The child failed.
    """
    paths = [head_file(judgement, data) for judgement in JUDGEMENTS]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    with FileLock(paths[0].parent / "training.lock", timeout=FIT_TIMEOUT_S):
        if again or not all(path.exists() for path in paths):
            _train_in_a_child(data, tell)


def _train_in_a_child(data: Path, tell: Tell) -> None:
    command = [sys.executable, "-m", "services.scorers.embedded.training", str(data)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(  # noqa: S603  our own module, in our own interpreter
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as child:
        alarm = threading.Timer(FIT_TIMEOUT_S, child.kill)
        alarm.start()
        said: deque[str] = deque(maxlen=1)
        for line in child.stdout or ():
            if line.startswith('{"done"'):
                told = json.loads(line)
                tell(told["done"], told["what"])
            elif line.strip():
                said.append(line.strip())
        alarm.cancel()
    if child.returncode != 0:
        raise FitFailedError(f"training the heads: {''.join(said) or f'ended with {child.returncode}'}")


class FitFailedError(RuntimeError):
    """The child that trains the heads failed; the message has its last line."""
