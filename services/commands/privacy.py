"""`driftloop privacy`: what is masked, a try on a text, and a new key for pseudonyms."""

import sys

import typer

from schemas.configuration import Privacy
from schemas.privacy import KINDS
from services.commands.outcome import settings_or_fail

privacy = typer.Typer(
    no_args_is_help=True, help="See what is masked of personal data, and renew the key of pseudonyms."
)


@privacy.command("kinds")
def privacy_kinds() -> None:
    """List the kinds that `privacy: {kinds: [...]}` may name.

    Example:

        driftloop privacy kinds

    Exit codes: 0 always, but 2 for flags that there are not.
    """
    width = max(map(len, KINDS))
    for kind, meaning in KINDS.items():
        typer.echo(f"{kind:<{width}}  {meaning}")


@privacy.command("try")
def privacy_try() -> None:
    """Mask the text on standard input, as gateway and collector would, and print it. Nothing is kept of it.

    Example:

        driftloop privacy try

    Exit codes: 0 done; 2 a DRIFTLOOP_* variable is wrong, and a line says which.
    """
    from services.privacy.policies import Policies

    policies = Policies((), settings_or_fail().data)
    sys.stdout.write(policies.masked(sys.stdin.read(), Privacy()))


@privacy.command("rotate")
def privacy_rotate() -> None:
    """Make a new key for the pseudonyms of `policy: hash`, in force at once; those that are written stay as they are.

    Example:

        driftloop privacy rotate

    Exit codes: 0 done; 2 a DRIFTLOOP_* variable is wrong, and a line says which.
    """
    from services.privacy.pseudonyms import Keys

    typer.echo(f"key {Keys(settings_or_fail().data).rotate()} is in force")
