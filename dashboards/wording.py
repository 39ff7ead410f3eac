"""Values as a person reads them: durations, shares, versions, routing tables. Pure, used by every page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from schemas.learning import Route

BASE = "base model"


def duration(span: timedelta) -> str:
    """Return a span in at most two units.

    Example:
        >>> [duration(timedelta(seconds=s)) for s in (0.34, 9.2, 154, 605, 7500, 200000)]
        ['0.3 s', '9.2 s', '154 s', '10 min 5 s', '2 h 5 min', '2 d 7 h']
    """
    seconds = span.total_seconds()
    if abs(seconds) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if abs(whole) < 300:
        return f"{whole} s"
    for size, unit, smaller, below in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {below}"
    return f"{whole // 60} min {whole % 60} s"


def offset(span: timedelta) -> str:
    """Return a signed span, as in "+154 s"."""
    return f"−{duration(-span)}" if span < timedelta(0) else f"+{duration(span)}"


def clock(at: datetime) -> str:
    """Return the time of day, UTC."""
    return at.astimezone(UTC).strftime("%H:%M:%S")


def moment(at: datetime) -> str:
    """Return date and time of day, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def version_name(version: str) -> str:
    """Return how a version is called; the base has an empty name."""
    return version or BASE


def short(version: str, app: str) -> str:
    """Return a version without its app's name, for narrow places.

    Example:
        >>> short("prompt-guard-v2", "prompt-guard"), short("", "prompt-guard")
        ('v2', 'base model')
    """
    return version_name(version.removeprefix(f"{app}-"))


def share(ratio: float) -> str:
    """Return a share in whole percents, with a decimal only where it would be zero.

    Example:
        >>> share(0.2), share(0.004), share(0.0)
        ('20\xa0%', '0.4\xa0%', '0\xa0%')
    """
    return f"{ratio:.1%}".replace("%", "\u00a0%") if 0 < ratio < 0.01 else f"{ratio:.0%}".replace("%", "\u00a0%")


def number(value: float) -> str:
    """Return a measure with three significant digits and no trailing zeros.

    Example:
        >>> number(0.6101), number(1234.5), number(42.0)
        ('0.61', '1,234', '42')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def plain(text: str) -> str:
    """Return a text in which Streamlit's Markdown finds nothing to format."""
    return "".join(f"\\{character}" if character in r"\`*_[]$~#<>:" else character for character in text)


def routes(table: Sequence[Route], app: str) -> str:
    """Return who answers which share of users, and whose copies nobody sees.

    Example:
        >>> routes([Route(adapter_version="a-v1", variant="stable", weight=0.8),
        ...         Route(adapter_version="a-v2", variant="canary", weight=0.2)], "a")
        'v1 80\xa0%, v2 canary 20\xa0%'
    """
    return ", ".join(_route(route, app) for route in table)


def _route(route: Route, app: str) -> str:
    name = short(route.adapter_version, app)
    if route.variant == "shadow":
        return f"{name} shadows {share(route.mirror)}"
    return f"{name} {'canary ' if route.variant == 'canary' else ''}{share(route.weight)}"
