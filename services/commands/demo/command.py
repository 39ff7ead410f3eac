"""`driftloop demo`: starts the embedded stack on a fresh folder, plays the acts, says how it went."""

import contextlib
import dataclasses
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
from rich.console import Console

from schemas.configuration_parser import BadConfiguration
from schemas.settings import BadSetting, Settings
from services.commands.demo.configured import with_own_configuration
from services.commands.demo.elsewhere import UpstreamUnfit, must_be_fit, served_elsewhere
from services.commands.demo.narrator import Narrator
from services.commands.demo.observer import NothingHappened
from services.commands.demo.play import perform
from services.commands.demo.programme import NoSuchPlay, play_named
from services.commands.demo.report import show
from services.commands.demo.scenario import Scenario
from services.commands.demo.summary import Summary
from services.embedded.broker import bring_broker
from services.embedded.catalogue import PYTHON, Program, programs_for
from services.embedded.kafka.distribution import KafkaMissing
from services.embedded.state import LOCK_FILE, AlreadyRunning, FolderLock
from services.embedded.supervisor import StartFailed, Supervisor
from services.parts.addresses import shown
from services.parts.runtime.health import PortTaken
from services.parts.runtime.logs import configure_logging
from services.parts.runtime.process import read_configuration

RECEIVER = Program("receiver", (PYTHON, "-m", "services.alerting.receiver"))
KEPT = ("models", LOCK_FILE)
MISTAKES = (
    BadSetting,
    BadConfiguration,
    PortTaken,
    AlreadyRunning,
    KafkaMissing,
    StartFailed,
    NothingHappened,
    NoSuchPlay,
    UpstreamUnfit,
)


def demo_settings(packaged: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return settings on a folder and configuration of the demonstration's own."""
    settings = Settings.from_environment(environment)
    data = settings.data / "demo"
    own = Settings.from_environment({**environment, "DRIFTLOOP_DATA": str(data)})
    return dataclasses.replace(own, configuration=Path(environment.get("DRIFTLOOP_CONFIG", packaged)))


def empty(folder: Path) -> bool:
    """Remove what an earlier demonstration left, converted models excepted; return whether there was any.

    Raises:
        AlreadyRunning: A demonstration runs on the folder now.
    """
    lock = FolderLock(folder)
    lock.take()
    left = [path for path in folder.iterdir() if path.name not in KEPT]
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    lock.release()
    return bool(left)


def run_demo(
    headless: bool, json_path: Path | None, *, app: str = "prompt-guard", feedback: str = "", upstream: str = ""
) -> int:
    """Play the demonstration; return 0 when every act met its bar, 1 when one did not, 2 when it could not run.

    Args:
        upstream: URL of a vLLM to play it on; empty means driftloop's own model server. It is looked at before
            anything else happens.
    """
    console = Console()
    configure_logging("demo", "ERROR")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        play = play_named(app)
        settings = demo_settings(play.configuration)
        url = must_be_fit(settings, app, upstream) if upstream else ""
        summary = _run(settings, play.scenario(feedback), console, url, headless=headless, json_path=json_path)
        return 0 if summary.passed else 1
    except MISTAKES as error:
        console.print(f"[red]demo: {error}", highlight=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        console.print("demo: stopped by Ctrl-C")
        return 130


def _run(
    settings: Settings, scenario: Scenario, console: Console, upstream: str, *, headless: bool, json_path: Path | None
) -> Summary:
    narrator = Narrator(console)
    if empty(settings.data):
        narrator.say("[dim]removed what an earlier demonstration left")
    if scenario.relearn or upstream:
        settings = with_own_configuration(settings)
    if upstream:
        served_elsewhere(settings, scenario.app, upstream)
        narrator.say(f"answers come from {shown(upstream)}")
    bring_broker(settings, narrator.say)
    secret = {"DRIFTLOOP_WEBHOOK_SECRET": secrets.token_hex(16)}
    programs = programs_for(read_configuration(settings))
    with Supervisor(settings, (*programs, RECEIVER), environment=secret) as supervisor:
        summary = perform(scenario, settings, supervisor, narrator)
        show(summary, console, metric=scenario.bars.metric)
        if json_path is not None:
            json_path.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
            narrator.say(f"summary: {json_path}")
        if not headless:
            console.print(f"\nThe stack stays up. Dashboard: [bold]{settings.url('dashboard')}[/]  Ctrl-C stops it.")
            console.print(
                f"Look closer: DRIFTLOOP_DATA={os.path.relpath(settings.data)} driftloop status", soft_wrap=True
            )
            _until_interrupted()
            console.print("stopping …")
    console.print("stopped; nothing is left running")
    return summary


def _until_interrupted() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
