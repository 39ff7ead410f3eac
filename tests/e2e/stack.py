"""The whole stack on free ports and a temporary folder, serving a tiny model made on the spot."""

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from schemas.settings import DEFAULT_PORTS, Settings, port_variable
from services.commands.demo.command import RECEIVER
from services.commands.demo.narrator import Narrator
from services.commands.demo.prompt import Messages
from services.commands.demo.prompts import LabelledPrompt
from services.commands.demo.scenario import Bars, Scenario
from services.embedded.catalogue import CATALOGUE
from services.embedded.supervisor import Supervisor
from tests.fixtures.ports import free_port
from tests.fixtures.tiny_model import LABEL, Kind, messages_of, synthetic_prompts

SECRET = "e2e-secret"


class TinyPrompt(LabelledPrompt):
    """A prompt in the words of the tiny model."""

    @property
    def messages(self) -> Messages:
        """What it was trained to read."""
        return tuple(messages_of(self.text))


def tiny_scenario() -> Scenario:
    """Return three acts of seconds each, on synthetic prompts."""
    earlier = _prompts(("injection", "benign"), 700, seed=1)
    shifted = _prompts(("harmful", "lookalike"), 500, seed=2) + earlier[600:700]
    return Scenario(
        app="tiny-guard",
        constraint={"choice": ["safe", "unsafe"]},
        history=earlier[:500],
        earlier=earlier[500:600],
        shifted=random.Random(3).sample(shifted, len(shifted)),
        held_out_earlier=_prompts(("injection", "benign"), 150, seed=4),
        held_out_shifted=_prompts(("harmful", "lookalike"), 150, seed=5),
        flipped=earlier[:200],
        rate=20.0,
        baseline_s=8.0,
        flipped_steps=200,
        patience_s=300.0,
        bars=Bars(recovered=0.8, earlier_loss=0.15),
    )


def _prompts(kinds: tuple[Kind, ...], n: int, seed: int) -> list[TinyPrompt]:
    share = n // len(kinds)
    found = [TinyPrompt(text, LABEL[kind], kind) for kind in kinds for text in synthetic_prompts(kind, share, seed)]
    return random.Random(seed).sample(found, len(found))


@contextmanager
def tiny_stack(folder: Path, model: Path) -> Iterator[tuple[Settings, Supervisor, Narrator, io.StringIO]]:
    """A supervisor that has not started yet; whatever it started is gone afterwards."""
    environment = {
        **{port_variable(name): str(free_port()) for name in DEFAULT_PORTS},
        "DRIFTLOOP_DATA": str(folder / "data"),
        "DRIFTLOOP_CONFIG": str(Path(__file__).parent / "driftloop.yaml"),
        "DRIFTLOOP_WEBHOOK_SECRET": SECRET,
        "TINY_MODEL": str(model),
    }
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = Settings.from_environment()
        # The acts are about what happens, not about who goes first beside whatever else the machine does.
        programs = [replace(program, niceness=0) for program in (*CATALOGUE, RECEIVER)]
        with Supervisor(settings, programs) as supervisor:
            yield settings, supervisor, Narrator(Console(file=told, width=150)), told
