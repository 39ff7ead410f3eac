"""What heads, guards and the scanners of personal data say of prompts and answers."""

from dashboards.reader import About, Span
from dashboards.views import scored
from dashboards.views.scored import Room

ROOM = Room(
    key="safety",
    safety=True,
    empty="No scores in this span. The safety processor scores every answer shortly after it was given.",
)


def show(about: About, span: Span) -> None:
    """Draw the page for one app."""
    scored.show(about, span, ROOM)
