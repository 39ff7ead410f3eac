"""How `driftloop up` and `status` look: the only place that draws."""

import signal
import threading
from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from schemas.settings import Settings
from services.embedded.state import ProcessState
from services.embedded.status import GroupLag, Learnt, Served, Status
from services.embedded.supervisor import Supervisor

_COLOURS = {"healthy": "green", "failed": "red", "restarting": "red", "unready": "yellow", "starting": "yellow"}
_ADDRESSES = (
    ("dashboard", "", "what happens, live"),
    ("gateway", "/v1", "point OpenAI clients here; the model is an app's name"),
    ("collector", "/v1/traces", "OTLP, CloudEvents and JSON lines"),
    ("control", "/v1/rollouts", "operators' orders"),
    ("warehouse", "", "ClickHouse over HTTP"),
)


def run_stack(supervisor: Supervisor, settings: Settings, console: Console) -> None:
    """Start the stack, say where it is, stay until SIGINT or SIGTERM, stop it.

    Raises:
        AlreadyRunning, PortTaken, StartFailed: Each message is one line; nothing is left running.
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with supervisor:
        start_with_progress(supervisor, console, stopping)
        if not stopping.is_set():
            console.print(addresses(settings))
            console.print(f"Logs: {settings.data / 'logs'}. Stop with Ctrl-C.")
        stopping.wait()
        console.print("stopping …")
    console.print("stopped; nothing is left running")


def start_with_progress(supervisor: Supervisor, console: Console, stopping: threading.Event | None = None) -> None:
    """Start the stack behind a progress bar and return when all is well, or when `stopping` is set."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    names = [process.name for process in supervisor.processes()]
    well: set[str] = set()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=len(names))

        def show(name: str, state: str) -> None:
            (well.add if state == "healthy" else well.discard)(name)
            left = [other for other in names if other not in well]
            progress.update(task, completed=len(well), description=f"starting {', '.join(left[:4])}")
            if not console.is_terminal:
                console.print(f"{name}: {state}")

        supervisor.start(show)
        supervisor.wait_healthy(stopping=stopping)


def addresses(settings: Settings) -> Table:
    """Return where to find what."""
    table = Table("part", "address", "for", title="driftloop is up", title_justify="left")
    for name, path, purpose in _ADDRESSES:
        table.add_row(name, settings.url(name) + path, purpose)
    return table


def draw(status: Status, console: Console) -> None:
    """Print a status for people."""
    if not status.running:
        console.print("driftloop is not running here; start it with `driftloop up`")
    if status.processes:
        console.print(_processes(status.processes))
    if status.lag:
        console.print(_lag(status.lag))
    if status.served:
        console.print(_served(status.served))
    for line in (*map(_learning, status.learnt), *map(_rollout, status.served)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if status.last_alert:
        alert = status.last_alert
        console.print(
            f"last alert: {alert['monitor']} {alert['state']} ({alert['severity']}) at {alert['occurred_at']:%H:%M:%S} "
            f"UTC: {alert['summary']}",
            markup=False,
        )
    for unknown in status.unknown if status.running else ():
        console.print(f"unknown: {unknown}", markup=False)


def _processes(processes: Iterable[ProcessState]) -> Table:
    table = Table("process", "state", "pid", "port", "restarts", "since (UTC)")
    for process in processes:
        since = f"{process.started_at:%H:%M:%S}" if process.started_at else ""
        state = f"[{_COLOURS.get(process.state, 'dim')}]{process.state}[/]"
        table.add_row(process.name, state, str(process.pid or ""), str(process.port), str(process.restarts), since)
    return table


def _lag(lags: Iterable[GroupLag]) -> Table:
    table = Table("consumer group", "topic", "behind", "by partition")
    for entry in lags:
        apart = "  ".join(f"{partition}: {lag}" for partition, lag in entry.partitions.items())
        table.add_row(entry.group, entry.topic, str(entry.lag), apart)
    return table


def _learning(last: Learnt) -> str:
    done = f"step {last.step} of {last.steps}" if last.steps else ""
    return f"last training: {last.version or last.app} {last.state}: {', '.join(filter(None, (done, last.detail)))}"


def _rollout(last: Served) -> str:
    return f"last rollout: {last.version or f'base model of {last.app}'} {last.rollout}: {last.reason}"


def _served(apps: Iterable[Served]) -> Table:
    table = Table("app", "version", "variant", "share", "mirrored")
    for app in apps:
        for route in app.routes:
            version = route.adapter_version or "(base)"
            table.add_row(app.app, version, route.variant, f"{route.weight:.0%}", f"{route.mirror:.0%}")
    return table
