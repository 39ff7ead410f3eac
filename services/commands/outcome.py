"""How a command ends: a status, one line, and the settings it starts from."""

import getpass
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import typer

from schemas.settings import BadSetting, Settings

OK, WRONG, UNUSABLE = 0, 1, 2


def settings_or_fail() -> Settings:
    """Return the environment's settings; a bad one ends the command with one line."""
    try:
        return Settings.from_environment()
    except BadSetting as error:
        fail(str(error), UNUSABLE)


def program() -> str:
    """Return how the person at the terminal starts this program, for commands that she shall run next."""
    started, name = sys.argv[0], "driftloop"
    return started if Path(started).name == name and shutil.which(name) != started else name


def who() -> str:
    """Return the name of who orders, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"


def fail(line: str, code: int) -> NoReturn:
    """Print one line to standard error and end with a status."""
    print(f"driftloop: {line}", file=sys.stderr)
    raise typer.Exit(code)
