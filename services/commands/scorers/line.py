"""`driftloop scorers`: the words."""

from typing import Annotated

import typer

from services.commands.outcome import settings_or_fail

scorers = typer.Typer(no_args_is_help=True, help="See what judges calls, and how well.")


@scorers.command("list")
def scorers_list(
    app: Annotated[str, typer.Option("--app", help="What runs for this app. Default: what runs for any.")] = "",
    long: Annotated[bool, typer.Option("--long", help="Also say what each scorer is made of and can't see.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List every scorer: version, what it reads and measures, its cost, whether it runs, and what it lacks.

    Loads no model and reaches nothing.

    Examples:

        driftloop scorers list --long
        driftloop scorers list --app support --json

    Exit codes: 0 done; 1 the configuration names an app or a scorer that there is not; 2 it can't be used.
    """
    from services.commands.scorers.listing import list_scorers

    list_scorers(settings_or_fail(), app, long=long, as_json=as_json)
