"""Tells the person in front of the terminal what happens, and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

Tell = Callable[[str], None]
_QUIET_S = 60.0


class Narrator:
    """Prints acts and steps; a step shows a spinner with its latest word while it runs.

    Where there is no terminal, a word is a line, one a minute at most: who looks at a log sees what is waited for.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def act(self, title: str) -> None:
        """Open an act."""
        self._console.rule(f"[bold]{title}", align="left")

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(f"  {text}", soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[Tell]:
        """Show a step until its body ends; print its time when it succeeds."""
        started = time.monotonic()
        said = started

        def tell(word: str) -> None:
            nonlocal said
            status.update(f"  {text} [dim]{word}")
            if not self._console.is_terminal and time.monotonic() - said >= _QUIET_S:
                said = time.monotonic()
                self.say(word)

        with self._console.status(f"  {text}") as status:
            yield tell
        self._console.print(f"  [green]✓[/] {text} [dim]({time.monotonic() - started:.1f} s)")
