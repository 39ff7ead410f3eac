"""`driftloop up`, `down` and `status`: the stack on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from schemas.settings import Settings
from services.commands.outcome import OK, UNUSABLE, WRONG, fail, settings_or_fail

if TYPE_CHECKING:
    from services.embedded.catalogue import Program


def up() -> None:
    """Start the whole stack on this machine and stay until Ctrl-C.

    Broker, warehouse, gateway, processors, training, rollout and dashboard run as processes of their own, are
    restarted when they die, and keep their data under DRIFTLOOP_DATA (.driftloop): after a stop, or a crash, `up`
    goes on where it was. The model server is one of them when an app names no upstreams. The broker is Apache
    Kafka; DRIFTLOOP_BROKER=light runs one in memory instead, which forgets its log when it stops.

    Examples:

        driftloop up
        DRIFTLOOP_CONFIG=mine.yaml DRIFTLOOP_GATEWAY_PORT=8080 driftloop up

    Exit codes: 0 stopped by Ctrl-C, SIGTERM or `driftloop down`; 1 a process does not come up; 2 the configuration or
    a setting is wrong, a port is taken, Apache Kafka can't be brought, or a stack runs on this data folder already.
    """
    from rich.console import Console

    from schemas.configuration_parser import BadConfiguration
    from services.embedded.broker import bring_broker
    from services.embedded.kafka.distribution import KafkaMissing
    from services.embedded.session import move_to_background
    from services.embedded.state import AlreadyRunning
    from services.embedded.supervisor import StartFailed, Supervisor
    from services.embedded.terminal import run_stack
    from services.parts.runtime.health import PortTaken
    from services.parts.runtime.logs import configure_logging
    from services.scorers.catalogue import UnknownScorer

    settings = settings_or_fail()
    configure_logging("supervisor", "ERROR")
    try:
        programs = _programs(settings)
        bring_broker(settings, print)
        move_to_background()
        run_stack(Supervisor(settings, programs), settings, Console())
    except (BadConfiguration, UnknownScorer, AlreadyRunning, KafkaMissing, PortTaken) as error:
        fail(str(error), UNUSABLE)
    except StartFailed as error:
        fail(str(error), WRONG)


def _programs(settings: Settings) -> "tuple[Program, ...]":
    """Return what the configuration asks to be run."""
    from services.embedded.catalogue import programs_for
    from services.parts.runtime.process import read_configuration
    from services.scorers.costly import any_costly

    configuration = read_configuration(settings)
    return programs_for(configuration, guarded=any_costly(configuration, settings))


def down() -> None:
    """Stop the stack that `driftloop up` or `demo` started on this data folder, and wait until it is gone.

    Examples:

        driftloop down
        DRIFTLOOP_DATA=.driftloop/demo driftloop down

    Exit codes: 0 nothing runs any more; 1 it is still stopping after 60 s; 2 a setting is wrong.
    """
    from services.embedded.state import ask_to_stop, is_running

    settings = settings_or_fail()
    if not is_running(settings.data):
        print(f"nothing runs on {settings.data}")
    elif ask_to_stop(settings.data, 60):
        print("stopped")
    else:
        fail("still stopping after 60 s; see `driftloop status`", WRONG)


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Show processes, consumer lag, the last alert and the versions that are served.

    Examples:

        driftloop status
        driftloop status --json

    Exit codes: 0 every process is healthy; 1 one is not, or nothing runs; 2 a setting is wrong.
    """
    import msgspec
    from rich.console import Console

    from services.embedded.status import look
    from services.embedded.terminal import draw

    seen = look(settings_or_fail())
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(seen)).decode())
    else:
        draw(seen, Console())
    well = seen.running and all(process.state == "healthy" for process in seen.processes)
    raise typer.Exit(OK if well else WRONG)
