"""The `driftloop` command. It wires by name; everything heavy is imported by the command that needs it."""

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from schemas.settings import BadSetting, Settings

OK, WRONG, UNUSABLE = 0, 1, 2

app = typer.Typer(
    name="driftloop",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "Watches LLM applications in production and closes the loop: a breach orders a retraining, a gate judges the "
        "new adapter, a canary proves it, and the fix is served.\n\nStart with `driftloop demo`, or with "
        "`driftloop check` and `driftloop up` on your own driftloop.yaml. Ports, folders and endpoints come from "
        "DRIFTLOOP_* variables."
    ),
)
rollout = typer.Typer(no_args_is_help=True, help="Order a version out to users, or back.")
adapters = typer.Typer(no_args_is_help=True, help="Bring adapters that were trained elsewhere to the gate.")
dead_letters = typer.Typer(no_args_is_help=True, help="Look at messages that were put aside, and send them again.")
app.add_typer(rollout, name="rollout")
app.add_typer(adapters, name="adapters")
app.add_typer(dead_letters, name="dead-letters")

AppName = Annotated[str, typer.Argument(metavar="APP", help="Name of the app in driftloop.yaml.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="Adapter version, e.g. prompt-guard-v2.")]
By = Annotated[str, typer.Option("--by", help="Who orders it; recorded. Default: your user name.")]
TopicName = Annotated[str, typer.Option("--topic", help="Only messages refused on this topic. Default: all.")]
LetterId = Annotated[str, typer.Argument(metavar="ID", help="As `driftloop dead-letters list` shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; recorded.")]


@app.command()
def up() -> None:
    """Start the whole stack on this machine and stay until Ctrl-C.

    Broker, warehouse, model server, gateway, processors, training, rollout and dashboard run as
    processes of their own, are restarted when they die, and keep their data under DRIFTLOOP_DATA
    (.driftloop). The broker keeps its log in memory only.
    """
    from rich.console import Console

    from schemas.configuration_file import BadConfiguration
    from services.embedded.state import AlreadyRunning
    from services.embedded.supervisor import StartFailed, Supervisor
    from services.embedded.terminal import run_stack
    from services.runtime.health import PortTaken
    from services.runtime.logs import configure_logging
    from services.runtime.process import read_configuration

    settings = _settings()
    configure_logging("supervisor", "ERROR")
    try:
        read_configuration(settings)
        run_stack(Supervisor(settings), settings, Console())
    except (BadConfiguration, AlreadyRunning, PortTaken) as error:
        _fail(str(error), UNUSABLE)
    except StartFailed as error:
        _fail(str(error), WRONG)


@app.command()
def down() -> None:
    """Stop the stack that `driftloop up` or `demo` started on this data folder, and wait until it is gone."""
    from services.embedded.state import ask_to_stop, is_running

    settings = _settings()
    if not is_running(settings.data):
        print(f"nothing runs on {settings.data}")
    elif ask_to_stop(settings.data, 60):
        print("stopped")
    else:
        _fail("still stopping after 60 s; see `driftloop status`", WRONG)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Show processes, consumer lag, the last alert and the versions that are served.

    The exit code is 0 when every process is healthy and 1 otherwise.
    """
    import msgspec
    from rich.console import Console

    from services.embedded.status import look
    from services.embedded.terminal import draw

    seen = look(_settings())
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(seen)).decode())
    else:
        draw(seen, Console())
    well = seen.running and all(process.state == "healthy" for process in seen.processes)
    raise typer.Exit(OK if well else WRONG)


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="The YAML file. Default: DRIFTLOOP_CONFIG, driftloop.yaml.")
    ] = None,
) -> None:
    """Validate a configuration without starting anything.

    Prints one line. Exit code 0: good; 1: the file is wrong, and the line names the key; 2: it can't be read.
    """
    from schemas.configuration_file import BadConfiguration, expand_variables, parse_configuration

    path = file or _settings().configuration
    try:
        found = parse_configuration(expand_variables(path.read_text(), os.environ))
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}", UNUSABLE)
    except BadConfiguration as error:
        _fail(f"{path.name}: {error}", WRONG)
    parts = (found.apps, "app"), (found.monitors, "monitor"), (found.subscriptions, "subscription")
    counts = ", ".join(f"{len(things)} {noun}{'' if len(things) == 1 else 's'}" for things, noun in parts)
    print(f"{path.name}: good: {counts}")


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Run the acts, then stop everything and leave.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the summary here.")] = None,
) -> None:
    """Run a real model through real drift to a served fix, in three acts (about ten minutes).

    A guard is trained and served; its traffic shifts; it is retrained, gated, canaried and promoted;
    a poisoned adapter is refused, forced, and rolled back. The exit code is 0 if every act met its bar.
    """
    from services.demo.command import run_demo

    raise typer.Exit(run_demo(headless, json_path))


@app.command("replay")
def replay_log(
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="ISO time, or how long ago: 30m.")] = "",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="Default: as late as is settled.")] = "",
    warm_up: Annotated[str, typer.Option(metavar="DURATION", help="Read so much before --from, not all.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the scratch database.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Read the log again and compare windows, drift and alerts with the warehouse.

    Exit code 0: identical; 1: there are differences, and they are printed; 2: it can't be done.
    """
    from services.replay.command import run_replay

    options = {"--from": since, "--to": until, "--warm-up": warm_up}
    raise typer.Exit(run_replay(_settings(), options, keep=keep, as_json=as_json))


@rollout.command("start")
def rollout_start(
    app_name: AppName,
    version: Version,
    override_gate: Annotated[
        bool, typer.Option("--override-gate", help="Let a version through that the gate refused. Recorded for ever.")
    ] = False,
    by: By = "",
    reason: Reason = "",
) -> None:
    """Roll a version out: shadow, canary steps, promotion; the canary judge still watches."""
    if override_gate and not reason:
        _fail("--override-gate needs a --reason", UNUSABLE)
    _order_rollout(app_name, version, "start", {"override_gate": override_gate, "ordered_by": by, "reason": reason})


@rollout.command("roll-back")
def rollout_roll_back(app_name: AppName, version: Version, by: By = "", reason: Reason = "") -> None:
    """Take a version back; the stable version before it answers everyone again."""
    _order_rollout(app_name, version, "roll_back", {"override_gate": False, "ordered_by": by, "reason": reason})


@adapters.command("propose")
def adapters_propose(
    app_name: AppName,
    folder: Annotated[Path, typer.Argument(help="Folder in PEFT format.", exists=True, file_okay=False)],
    by: By = "",
    reason: Reason = "",
) -> None:
    """Propose an adapter trained elsewhere: it meets the same gate as one trained here."""
    uri = str(folder.absolute())
    _order("/v1/proposals", {"app": app_name, "artifact_uri": uri, "proposed_by": by or _me(), "reason": reason})


@dead_letters.command("list")
def dead_letters_list(
    topic: TopicName = "", limit: Annotated[int, typer.Option(help="Show the last ones.")] = 50
) -> None:
    """List the messages that wait for a replay: id, when, size and reason. Shows no payloads."""
    from services.dead_letters.command import list_letters

    with _dead_letter_trouble():
        list_letters(_settings(), topic, limit)


@dead_letters.command("show")
def dead_letters_show(
    letter_id: LetterId,
    payload: Annotated[
        bool, typer.Option("--payload", help="Print the message itself. It may hold what a user wrote.")
    ] = False,
) -> None:
    """Show one message that was put aside: reason, position, size, and its bytes only when asked for."""
    from services.dead_letters.command import show_letter

    with _dead_letter_trouble():
        show_letter(_settings(), letter_id, payload=payload)


@dead_letters.command("replay")
def dead_letters_replay(
    letter_id: Annotated[str, typer.Argument(metavar="[ID]", help="One message, even if it was replayed before.")] = "",
    topic: TopicName = "",
) -> None:
    """Send messages again to where they came from: one, a topic's, or all that wait.

    Each goes byte for byte, with its key and headers, once. What is still bad comes back as a new letter.
    """
    from services.dead_letters.command import replay_letters

    with _dead_letter_trouble():
        replay_letters(_settings(), letter_id, topic)


def main() -> None:
    """Run the command line."""
    app()


def _order_rollout(app_name: str, version: str, action: str, order: dict[str, object]) -> None:
    order = {"app": app_name, "adapter_version": version, "action": action, **order}
    _order("/v1/rollouts", {**order, "ordered_by": order["ordered_by"] or _me()})


def _order(path: str, order: dict[str, object]) -> None:
    """Post an order to the control process and print what it answers."""
    import httpx

    url = _settings().url("control") + path
    try:
        answer = httpx.post(url, json=order, timeout=30, trust_env=False)
    except httpx.HTTPError:
        _fail(f"control does not answer at {url}; is the stack up? See `driftloop status`", UNUSABLE)
    if answer.is_error:
        _fail(f"control refused ({answer.status_code}): {answer.text.strip()}", WRONG)
    print(json.dumps(answer.json()))


@contextmanager
def _dead_letter_trouble() -> Iterator[None]:
    """Turn what can go wrong into one line and a status."""
    from services.bus.errors import BusError
    from services.dead_letters.replay import NoSuchLetter

    try:
        yield
    except BusError as error:
        _fail(str(error), UNUSABLE)
    except NoSuchLetter as error:
        _fail(str(error), WRONG)


def _settings() -> Settings:
    try:
        return Settings.from_environment()
    except BadSetting as error:
        _fail(str(error), UNUSABLE)


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"


def _fail(line: str, code: int) -> NoReturn:
    print(f"driftloop: {line}", file=sys.stderr)
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
