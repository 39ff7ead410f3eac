"""What scorers say of how good answers are: relevance, grounding, refusals, form."""

from dashboards.reader import About, Span
from dashboards.views import scored
from dashboards.views.scored import Room

ROOM = Room(
    key="quality",
    safety=False,
    empty="No scores of quality in this span. The quality processor scores answers shortly after they were given; "
    "distance needs a version with a reference.",
)


def show(about: About, span: Span) -> None:
    """Draw the page for one app."""
    scored.show(about, span, ROOM)
