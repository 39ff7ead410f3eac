"""The command line's own parser, without running a command."""

from collections.abc import Iterator, Sequence

from typer.core import TyperGroup
from typer.main import get_command

from services.commands.line import app


def commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command."""
    yield from _below(get_command(app), ())


def parse(arguments: Sequence[str]) -> None:
    """Read arguments as `driftloop` would.

    Raises:
        KeyError: There is no such command.
        Exception: The command line's own usage error.
    """
    command, words = get_command(app), list(arguments)
    while isinstance(command, TyperGroup):
        command = command.commands[words.pop(0)]
    command.make_context("driftloop", words).close()


def _below(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(command, TyperGroup):
        yield words
        return
    for name, below in command.commands.items():
        yield from _below(below, (*words, name))
