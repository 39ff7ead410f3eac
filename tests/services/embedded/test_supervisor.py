"""The supervisor with small real children: a Python one-liner that answers /healthz."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from schemas.settings import Settings, port_variable
from services.embedded.catalogue import CATALOGUE, Program
from services.embedded.patience import Patience
from services.embedded.state import AlreadyRunning, is_running, read_state
from services.embedded.supervisor import StartFailed, Supervisor, stop_waves
from services.parts.runtime.health import PortTaken
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, equals, until

QUICK = Patience(
    tick=0.05,
    probe_every=0.1,
    probe_again=0.05,
    probe_timeout=PATIENCE_S,
    start=PATIENCE_S,
    first_pause=0.1,
    stop=PATIENCE_S,
)
SERVE = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["DRIFTLOOP_%s_PORT"])), Handler).serve_forever()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SERVE
WITH_CHILD = "import subprocess; subprocess.Popen(['sleep', '600'])" + SERVE
NAMES = ("gateway", "sink", "control")


def program(name: str, code: str = SERVE, **how: object) -> Program:
    source = code % name.upper() if "%s" in code else code
    return Program(name, (sys.executable, "-I", "-c", source), **how)  # type: ignore[arg-type]  # fields by name


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    ports = {port_variable(name): str(free_port()) for name in NAMES}
    return Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path), **ports})


@pytest.fixture
def run(settings: Settings) -> Iterator[Callable[..., Supervisor]]:
    started: list[Supervisor] = []

    def start(*programs: Program, patience: Patience = QUICK) -> Supervisor:
        started.append(Supervisor(settings, programs, patience=patience))
        started[-1].start()
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.stop()


def test_a_killed_process_is_restarted_with_a_new_id(run: Callable[..., Supervisor]) -> None:
    supervisor = run(program("gateway"), program("sink"))
    supervisor.wait_healthy(PATIENCE_S)
    before = supervisor.pids()
    assert supervisor.kill("gateway") == before["gateway"]
    until(lambda: supervisor.pids().get("gateway", before["gateway"]) != before["gateway"])
    supervisor.wait_healthy(PATIENCE_S)
    assert supervisor.pids()["sink"] == before["sink"]
    assert [state.restarts for state in supervisor.processes()] == [1, 0]


def test_a_process_that_hangs_is_replaced(run: Callable[..., Supervisor]) -> None:
    supervisor = run(program("gateway"), patience=replace(QUICK, probe_timeout=1, silences=3, stop=1))
    supervisor.wait_healthy(PATIENCE_S)
    before = supervisor.pids()["gateway"]
    supervisor.signal("gateway", signal.SIGSTOP)
    until(lambda: supervisor.pids().get("gateway", before) != before)
    supervisor.wait_healthy(PATIENCE_S)


def test_stop_leaves_no_process_and_frees_the_folder(run: Callable[..., Supervisor], settings: Settings) -> None:
    supervisor = run(
        program("gateway", WITH_CHILD), program("sink", STUBBORN, needs=("gateway",)), patience=replace(QUICK, stop=1)
    )
    supervisor.wait_healthy(PATIENCE_S)
    everyone = [p for pid in supervisor.pids().values() for p in (psutil.Process(pid), *psutil.Process(pid).children())]
    assert len(everyone) == 3
    supervisor.stop()
    until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in everyone))
    assert not is_running(settings.data)
    state = read_state(settings.data)
    assert state is not None
    assert {process.state for process in state.processes} == {"stopped"}


def test_children_die_with_a_supervisor_that_is_killed(settings: Settings) -> None:
    host = (
        "import sys, time; from tests.services.embedded.test_supervisor import *\n"
        "s = Supervisor(Settings.from_environment(), [program('gateway'), program('sink')], patience=QUICK)\n"
        "s.start(); s.wait_healthy(PATIENCE_S); print(*s.pids().values(), flush=True); time.sleep(600)"
    )
    environment = {port_variable(name): str(port) for name, port in settings.ports.items()}
    environment = {**os.environ, **environment, "DRIFTLOOP_DATA": str(settings.data)}
    with subprocess.Popen([sys.executable, "-c", host], env=environment, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        pids = [int(text) for text in supervisor.stdout.readline().split()]
        assert len(pids) == 2
        supervisor.kill()
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


@pytest.mark.skipif(not os.access("/proc/self/autogroup", os.W_OK), reason="not a Linux that shares by session")
def test_in_a_background_session_what_yields_stays_there(settings: Settings) -> None:
    host = (
        "from services.embedded.session import move_to_background\n"
        "from tests.services.embedded.test_supervisor import *\n"
        "move_to_background()\n"
        "programs = [program('gateway'), program('sink', niceness=15)]\n"
        "with Supervisor(Settings.from_environment(), programs, patience=QUICK) as s:\n"
        "    s.start(); s.wait_healthy(PATIENCE_S); pids = s.pids()\n"
        "    places = {name: [os.getsid(pid), os.getpriority(os.PRIO_PROCESS, pid)] for name, pid in pids.items()}\n"
        "    print(json.dumps({'own': os.getpid(), 'gateway_pid': pids['gateway'], **places}))\n"
    )
    environment = {port_variable(name): str(port) for name, port in settings.ports.items()}
    environment = {**os.environ, **environment, "DRIFTLOOP_DATA": str(settings.data)}
    done = subprocess.run([sys.executable, "-c", host], env=environment, stdout=subprocess.PIPE, check=True)
    seen = json.loads(done.stdout)
    assert seen["sink"] == [seen["own"], 15]
    assert seen["gateway"] == [seen["gateway_pid"], 0]


def test_programs_start_after_what_they_need_is_prepared(run: Callable[..., Supervisor], settings: Settings) -> None:
    happened: list[str] = []
    first = program("gateway", prepare=lambda _: happened.append("prepared"))
    supervisor = Supervisor(settings, [first, program("sink", needs=("gateway",))], patience=QUICK)
    supervisor.start(lambda name, state: happened.append(f"{name} {state}"))
    try:
        supervisor.wait_healthy(PATIENCE_S)
    finally:
        supervisor.stop()
    assert happened.index("prepared") < happened.index("gateway healthy") < happened.index("sink starting")


def test_what_a_program_needs_is_prepared_again_after_its_restart(run: Callable[..., Supervisor]) -> None:
    prepared: list[str] = []
    supervisor = run(program("gateway", prepare=lambda _: prepared.append("prepared")))
    supervisor.wait_healthy(PATIENCE_S)
    supervisor.kill("gateway")
    until(lambda: len(prepared), equals(2))


def test_a_preparation_that_fails_is_tried_again(run: Callable[..., Supervisor]) -> None:
    attempts: list[int] = []

    def prepare(_: Settings) -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError

    run(program("gateway", prepare=prepare)).wait_healthy(PATIENCE_S)
    assert len(attempts) == 3


def test_a_busy_port_is_said_in_one_line_and_nothing_starts(settings: Settings) -> None:
    port = settings.ports["sink"]
    with socket.create_server(("127.0.0.1", port)):
        supervisor = Supervisor(settings, [program("gateway"), program("sink")], patience=QUICK)
        with pytest.raises(PortTaken) as caught:
            supervisor.start()
        assert str(caught.value) == f"sink: port {port} is taken; set DRIFTLOOP_SINK_PORT to a free one"
    assert supervisor.pids() == {}
    assert not is_running(settings.data)


def test_two_supervisors_do_not_share_a_folder(run: Callable[..., Supervisor], settings: Settings) -> None:
    run(program("gateway")).wait_healthy(PATIENCE_S)
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}.*driftloop down"):
        Supervisor(settings, [program("sink")], patience=QUICK).start()


def test_a_users_mistake_ends_the_start_with_the_process_own_line(run: Callable[..., Supervisor]) -> None:
    mistaken = program("gateway", "import sys; print('gateway: driftloop.yaml: apps: nothing there'); sys.exit(2)")
    with pytest.raises(StartFailed, match=r"^gateway: driftloop.yaml: apps: nothing there \(log: .*gateway.log\)$"):
        run(mistaken).wait_healthy(PATIENCE_S)


def test_a_process_that_crashes_at_every_start_is_given_up(run: Callable[..., Supervisor]) -> None:
    with pytest.raises(StartFailed, match="ZeroDivisionError"):
        run(program("gateway", "1 / 0")).wait_healthy(PATIENCE_S)


def test_the_state_file_tells_who_runs(run: Callable[..., Supervisor], settings: Settings) -> None:
    supervisor = run(program("gateway"))
    supervisor.wait_healthy(PATIENCE_S)
    content = json.loads((settings.data / "supervisor.json").read_text())
    assert content["pid"] == os.getpid()
    (gateway,) = content["processes"]
    assert gateway["pid"] == supervisor.pids()["gateway"]
    assert (gateway["name"], gateway["state"], gateway["restarts"]) == ("gateway", "healthy", 0)
    assert gateway["started_at"].endswith("Z")


def test_what_a_process_prints_is_in_its_log(run: Callable[..., Supervisor], settings: Settings) -> None:
    run(program("gateway")).wait_healthy(PATIENCE_S)
    assert (settings.data / "logs" / "gateway.log").read_text() == "serving\n"


def test_memory_of_children_counts(run: Callable[..., Supervisor]) -> None:
    supervisor = run(program("gateway"))
    supervisor.wait_healthy(PATIENCE_S)
    until(lambda: supervisor.peak_rss_mb > psutil.Process().memory_info().rss / 1e6 + 5)


def test_waves_of_stopping_end_with_what_everyone_needs() -> None:
    waves = stop_waves(CATALOGUE)
    assert waves[0][0] == "dashboard"
    assert set(waves[-1]) == {"broker", "warehouse"}
    assert sorted(name for wave in waves for name in wave) == sorted(p.name for p in CATALOGUE)


def test_programs_that_need_each_other_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        stop_waves([Program("a", (), ("b",)), Program("b", (), ("a",))])


def test_every_program_of_the_catalogue_has_a_port_and_needs_only_earlier_ones(settings: Settings) -> None:
    seen: set[str] = set()
    for entry in CATALOGUE:
        assert entry.name in settings.ports
        assert set(entry.needs) <= seen
        seen.add(entry.name)
