"""`driftloop dead-letters`: the words, and what can go wrong in one line each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from services.commands.outcome import UNUSABLE, WRONG, fail, settings_or_fail

dead_letters = typer.Typer(no_args_is_help=True, help="Look at messages that were put aside, and send them again.")

TopicName = Annotated[str, typer.Option("--topic", help="Only messages refused on this topic. Default: all.")]
LetterId = Annotated[str, typer.Argument(metavar="ID", help="As `driftloop dead-letters list` shows it.")]


@dead_letters.command("list")
def dead_letters_list(
    topic: TopicName = "", limit: Annotated[int, typer.Option(help="Show the last ones.")] = 50
) -> None:
    """List the messages that wait for a replay: id, when, size and reason. Shows no payloads.

    Examples:

        driftloop dead-letters list
        driftloop dead-letters list --topic inference.responded.v1 --limit 5

    Exit codes: 0 done; 1 there is no such letter or topic; 2 the broker does not answer.
    """
    from services.commands.dead_letters.printing import list_letters

    with _dead_letter_trouble():
        list_letters(settings_or_fail(), topic, limit)


@dead_letters.command("show")
def dead_letters_show(
    letter_id: LetterId,
    payload: Annotated[
        bool, typer.Option("--payload", help="Print the message itself. It may hold what a user wrote.")
    ] = False,
) -> None:
    """Show one message that was put aside: reason, position, size, and its bytes only when asked for.

    Example:

        driftloop dead-letters show inference.responded.v1/0/7 --payload

    Exit codes: 0 done; 1 there is no such letter or topic; 2 the broker does not answer.
    """
    from services.commands.dead_letters.printing import show_letter

    with _dead_letter_trouble():
        show_letter(settings_or_fail(), letter_id, payload=payload)


@dead_letters.command("replay")
def dead_letters_replay(
    letter_id: Annotated[str, typer.Argument(metavar="[ID]", help="One message, even if it was replayed before.")] = "",
    topic: TopicName = "",
) -> None:
    """Send messages again to where they came from: one, a topic's, or all that wait.

    Each goes byte for byte, with its key and headers, once. What is still bad comes back as a new letter.

    Examples:

        driftloop dead-letters replay --topic feedback.given.v1
        driftloop dead-letters replay inference.responded.v1/0/7

    Exit codes: 0 done; 1 there is no such letter or topic; 2 the broker does not answer.
    """
    from services.commands.dead_letters.printing import replay_letters

    with _dead_letter_trouble():
        replay_letters(settings_or_fail(), letter_id, topic)


@contextmanager
def _dead_letter_trouble() -> Iterator[None]:
    """Turn what can go wrong into one line and a status."""
    from services.clients.bus.errors import BusError
    from services.commands.dead_letters.replay import NoSuchLetter

    try:
        yield
    except BusError as error:
        fail(str(error), UNUSABLE)
    except NoSuchLetter as error:
        fail(str(error), WRONG)
