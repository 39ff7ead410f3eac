"""`driftloop check`: is the configuration good?"""

import os
from pathlib import Path
from typing import Annotated

import typer

from services.commands.outcome import UNUSABLE, WRONG, fail, settings_or_fail


def check(
    file: Annotated[
        Path | None, typer.Argument(help="The YAML file. Default: DRIFTLOOP_CONFIG, driftloop.yaml.")
    ] = None,
) -> None:
    """Validate a configuration without starting anything.

    Prints one line. Exit code 0: good; 1: the file is wrong, and the line names the key; 2: it can't be read.
    """
    from schemas.configuration_file import BadConfiguration, expand_variables, parse_configuration

    path = file or settings_or_fail().configuration
    try:
        found = parse_configuration(expand_variables(path.read_text(), os.environ))
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}", UNUSABLE)
    except BadConfiguration as error:
        fail(f"{path.name}: {error}", WRONG)
    parts = (found.apps, "app"), (found.monitors, "monitor"), (found.subscriptions, "subscription")
    counts = ", ".join(f"{len(things)} {noun}{'' if len(things) == 1 else 's'}" for things, noun in parts)
    print(f"{path.name}: good: {counts}")
