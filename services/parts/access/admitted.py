"""What the handlers of a process know of who came in: its app, its tenant, and whom to charge."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope as Connection

from schemas.access import SCOPES, Scope
from services.parts.access.decisions import other_app

Charge = Callable[[int, float], None]
"""Takes tokens and USD of an answered call."""
IN_SCOPE = "driftloop.admitted"


def charge_nobody(_tokens: int, _usd: float) -> None:
    """Charge a call of somebody without a key."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who came in.

    Attributes:
        app: The only app that it is let to; empty for all.
        tenant: Whatever it sends is this tenant's; empty when its own word counts.
    """

    app: str = ""
    tenant: str = ""
    scopes: frozenset[Scope] = frozenset(SCOPES)
    charge: Charge = charge_nobody

    def takes(self, app: str) -> bool:
        """Return whether it is let to an app."""
        return self.app in ("", app)

    def check(self, app: str) -> None:
        """Let it to an app.

        Raises:
            Refusal: 403 its key is another app's.
        """
        if denial := other_app(self.app, app):
            raise denial.refusal


EVERYBODY = Admitted()
"""Who comes in where no keys are required."""


def admitted_of(request: Request) -> Admitted:
    """Return who sent a request."""
    return admitted_in(request.scope)


def admitted_in(connection: Connection) -> Admitted:
    """Return who sent what ASGI tells of."""
    admitted: Admitted = connection.get(IN_SCOPE, EVERYBODY)
    return admitted
