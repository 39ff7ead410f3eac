"""`driftloop privacy`: what is masked, a try on a text, and a new key for pseudonyms."""

import sys

import typer

from schemas.configuration import Privacy
from schemas.privacy import KINDS
from services.commands.outcome import settings_or_fail
from services.privacy.policies import Policies
from services.privacy.pseudonyms import Keys

privacy = typer.Typer(
    no_args_is_help=True, help="See what is masked of personal data, and renew the key of pseudonyms."
)


@privacy.command("kinds")
def privacy_kinds() -> None:
    """List the kinds that `privacy: {kinds: [...]}` may name.

    Example:

        driftloop privacy kinds
    """
    width = max(map(len, KINDS))
    for kind, meaning in KINDS.items():
        typer.echo(f"{kind:<{width}}  {meaning}")


@privacy.command("try")
def privacy_try() -> None:
    """Mask the text on standard input, as gateway and collector would, and print it. Nothing is kept of it.

    Example:

        echo "write to jane@example.com" | driftloop privacy try
    """
    policies = Policies((), settings_or_fail().data)
    sys.stdout.write(policies.masked(sys.stdin.read(), Privacy()))


@privacy.command("rotate")
def privacy_rotate() -> None:
    """Make a new key for the pseudonyms of `policy: hash`, in force at once; those that are written stay as they are.

    Example:

        driftloop privacy rotate
    """
    typer.echo(f"key {Keys(settings_or_fail().data).rotate()} is in force")
