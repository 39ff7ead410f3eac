"""`driftloop scorers`: its words."""

import typer

from services.commands.scorers.evaluate import evaluate

scorers = typer.Typer(no_args_is_help=True, help="What scorers there are, and how often they are wrong.")

scorers.command("evaluate")(evaluate)
