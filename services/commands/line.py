"""The `driftloop` command. It wires by name; everything heavy is imported by the command that needs it."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands.checking import check
from services.commands.dead_letters.line import dead_letters
from services.commands.init.line import init
from services.commands.keys.line import keys
from services.commands.orders import adapters, approve, refuse, retrain, rollback, rollout
from services.commands.outcome import settings_or_fail
from services.commands.privacy import privacy
from services.commands.scorers.line import scorers
from services.commands.stack import down, status, up

app = typer.Typer(
    name="driftloop",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "Watches LLM applications in production and closes the loop: a breach orders a retraining, a gate judges the "
        "new adapter, a canary proves it, and the fix is served.\n\nStart with `driftloop demo`, or with your own "
        "model server: `driftloop init`, `driftloop check --probe`, `driftloop up`. Ports, folders and endpoints come "
        "from DRIFTLOOP_* variables."
    ),
)


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Run the acts, then stop everything and leave.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the summary here.")] = None,
    app_name: Annotated[
        str,
        typer.Option(
            "--app",
            metavar="NAME",
            help="prompt-guard, which classifies, or triage, which writes JSON (no whole run of it has been seen yet).",
        ),
    ] = "prompt-guard",
    feedback: Annotated[
        str, typer.Option(metavar="KIND", help="Of triage: corrections, or thumbs alone.", show_default=False)
    ] = "",
    upstream: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="A vLLM on this machine to play on, in place of the own model server.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Run a real model through real drift to a served fix, in three acts (about ten minutes).

    A guard is trained and served; its traffic shifts; it is retrained, gated, canaried and promoted; a poisoned adapter
    is refused, forced, and rolled back. Afterwards the stack stays up until Ctrl-C, unless it is headless.

    Examples:

        driftloop demo
        driftloop demo --headless --json summary.json
        driftloop demo --app triage --feedback thumbs
        driftloop demo --upstream http://127.0.0.1:8000

    Exit codes: 0 every act met its bar; 1 one did not; 2 it could not run, and a line says why; 130 stopped by Ctrl-C.
    """
    from services.commands.demo.command import run_demo

    raise typer.Exit(run_demo(headless, json_path, app=app_name, feedback=feedback, upstream=upstream))


def replay_log(
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="ISO time, or how long ago: 30m.")] = "",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="Default: as late as is settled.")] = "",
    warm_up: Annotated[str, typer.Option(metavar="DURATION", help="Read so much before --from, not all.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the scratch database.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Read the log again and compare windows, drift and alerts with the warehouse.

    Examples:

        driftloop replay --from 30m
        driftloop replay --from 2026-01-31T12:00:00Z --to 2026-01-31T13:00:00Z --warm-up 1h --json

    Exit codes: 0 identical; 1 there are differences, and they are printed; 2 there is no verdict, and a line says why.
    """
    from services.commands.replay.command import run_replay

    options = {"--from": since, "--to": until, "--warm-up": warm_up}
    raise typer.Exit(run_replay(settings_or_fail(), options, keep=keep, as_json=as_json))


for command in (init, check, up, down, status, demo, retrain, approve, refuse):
    app.command()(command)
app.command("rollback")(rollback)
app.command("replay")(replay_log)
app.add_typer(rollout, name="rollout")
app.add_typer(adapters, name="adapters")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(keys, name="keys")
app.add_typer(privacy, name="privacy")
app.add_typer(scorers, name="scorers")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
