"""Two light classifiers over prompts and answers: injection and harm, as the safety processor takes them.

How they are made and how they judge: services.scorers.embedded. Heads are trained once an installation, in a
child process so that this one never holds scikit-learn, and kept as arrays.
"""

import functools
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

from services.scorers.embedded.cascade import Head, Numbers
from services.scorers.embedded.encoder import Encoder
from services.scorers.embedded.examples import JUDGEMENTS, Judgement
from services.scorers.embedded.store import copy_head, head_file, load
from services.scorers.embedding import Embedder

__all__ = ["FitFailedError", "Head", "Judgement", "Probabilities", "harm_head", "head_file", "injection_head", "train"]

Probabilities = Numbers
Tell = Callable[[float, str], None]

FIT_TIMEOUT_S = 900
CACHE_VARIABLE = "DRIFTLOOP_HEADS"


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
    """Put both heads into a data folder, training them unless the installation has them. Who comes second waits.

    Order of effects: 1. trained in a child, into the installation's folder  2. copied into the data folder.

    Args:
        data: The deployment's data folder.
        tell: Called with the share that is done, 0 to 1, and what comes next.
        again: Also train where they are there.

    Raises:
        FitFailedError: The child failed.
    """
    own = [head_file(judgement, data) for judgement in JUDGEMENTS]
    own[0].parent.mkdir(parents=True, exist_ok=True)
    shared = shared_folder()
    source = own[0].parent if shared is None else shared
    with FileLock(source / "training.lock", timeout=FIT_TIMEOUT_S):
        if again or not all((source / path.name).exists() for path in own):
            _train_in_a_child(source, tell)
        for path in own if source != own[0].parent else ():
            copy_head(source / path.name, path)


def shared_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return where heads are kept for all deployments of this installation; None if it can't be written to."""
    folder = Path(environment.get(CACHE_VARIABLE, f"{sys.prefix}/share/driftloop/heads")).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _train_in_a_child(folder: Path, tell: Tell) -> None:
    command = [sys.executable, "-m", "services.scorers.embedded.training", str(folder)]
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
