"""`driftloop up`, `down` and `status`: the stack on this machine."""

from typing import Annotated

import typer

from services.commands.outcome import OK, UNUSABLE, WRONG, fail, settings_or_fail


def up() -> None:
    """Start the whole stack on this machine and stay until Ctrl-C.

    Broker, warehouse, gateway, processors, training, rollout and dashboard run as processes of their
    own, are restarted when they die, and keep their data under DRIFTLOOP_DATA (.driftloop): after a
    stop, or a crash, `up` goes on where it was. The model server is one of them when an app names no
    upstreams. The broker is Apache Kafka; DRIFTLOOP_BROKER=light runs one in memory instead, which
    forgets its log when it stops.
    """
    from rich.console import Console

    from schemas.configuration_file import BadConfiguration
    from services.embedded.broker import bring_broker
    from services.embedded.catalogue import programs_for
    from services.embedded.kafka.distribution import KafkaMissing
    from services.embedded.state import AlreadyRunning
    from services.embedded.supervisor import StartFailed, Supervisor
    from services.embedded.terminal import run_stack
    from services.parts.runtime.health import PortTaken
    from services.parts.runtime.logs import configure_logging
    from services.parts.runtime.process import read_configuration

    settings = settings_or_fail()
    configure_logging("supervisor", "ERROR")
    try:
        programs = programs_for(read_configuration(settings))
        bring_broker(settings, print)
        run_stack(Supervisor(settings, programs), settings, Console())
    except (BadConfiguration, AlreadyRunning, KafkaMissing, PortTaken) as error:
        fail(str(error), UNUSABLE)
    except StartFailed as error:
        fail(str(error), WRONG)


def down() -> None:
    """Stop the stack that `driftloop up` or `demo` started on this data folder, and wait until it is gone."""
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

    The exit code is 0 when every process is healthy and 1 otherwise.
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
