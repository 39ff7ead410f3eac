"""What `driftloop scorers list` prints: cards of scorers, none of them loaded."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from schemas.configuration_parser import BadConfiguration
from schemas.scoring import ScorerEntry, entries_of
from schemas.settings import Settings
from services.commands.columns import in_columns
from services.commands.outcome import UNUSABLE, WRONG, fail
from services.commands.scorers.chosen import workshop_of
from services.parts.runtime.process import read_configuration
from services.scorers.catalogue import LISTING_BY_NAME, UnknownScorer, check_entries, entries_for, offer_of, process_of
from services.scorers.contract import Card
from services.scorers.costly import GUARD, is_costly
from services.scorers.offers import ScorerUnavailable
from services.scorers.workshop import Workshop

_HEAD = ("NAME", "VERSION", "SIDE", "MEASURES", "COST", "RUNS IN", "THERE")
_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Listed:
    """A scorer for people and programs.

    Attributes:
        card: None where even that can't be had; then `missing` says why.
        runs: The process that runs it, and of how many calls if not of all; empty when it does not run.
        missing: What it lacks; empty when all is there.
    """

    name: str
    card: Card | None
    runs: str
    missing: str
    remark: str


def list_scorers(settings: Settings, app: str, *, long: bool, as_json: bool) -> None:
    """Print the scorers of an app, or of any."""
    listed = listing(_entries(settings, app), app, workshop_of(settings))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode([entry(one) for one in listed])).decode())
        return
    print(in_columns(_HEAD, [row(one) for one in listed]))
    if long:
        print("\n" + "\n\n".join(map(told, listed)))


def _entries(settings: Settings, app: str) -> tuple[ScorerEntry, ...]:
    """Return the configuration's entries; of a deployment that has no configuration yet, none."""
    if not settings.configuration.exists() and not app:
        return ()
    try:
        configuration = read_configuration(settings)
        check_entries(configuration.scorers)
    except BadConfiguration as error:
        fail(str(error), UNUSABLE)
    except UnknownScorer as error:
        fail(f"{settings.configuration.name}: {error}", WRONG)
    if app and configuration.app(app) is None:
        fail(f"{settings.configuration.name} has no app {app!r}", WRONG)
    return configuration.scorers


def listing(entries: Sequence[ScorerEntry], app: str, workshop: Workshop) -> list[Listed]:
    """Return all scorers: those that run first, then the catalogue's others and those that are switched off."""
    running = entries_for(entries, app)
    names = {one.name for one in running}
    held = [entry for entry in entries_of(entries, app) if entry.name not in names]
    others = [ScorerEntry(name=name) for name in LISTING_BY_NAME if name not in names | {one.name for one in held}]
    return [
        *(_listed(one, workshop, runs=True) for one in running),
        *(_listed(one, workshop, runs=False) for one in (*held, *others)),
    ]


def _listed(entry: ScorerEntry, workshop: Workshop, *, runs: bool) -> Listed:
    share = "" if entry.sample == 1 else f", {entry.sample:.3g} of calls"
    process = GUARD if is_costly(entry, workshop) else process_of(entry)
    where = f"{process}{share}" if runs else ""
    try:
        offer = offer_of(entry, workshop)
    except ScorerUnavailable as error:
        return Listed(entry.name, None, where, str(error).removeprefix(f"{entry.name}: "), "")
    return Listed(entry.name, offer.card, where, offer.missing, offer.remark)


def entry(listed: Listed) -> dict[str, object]:
    """Return a scorer for programs; a measure without a bound is encoded as null. Pure."""
    return {
        "name": listed.name,
        "card": listed.card,
        "runs": listed.runs or None,
        "missing": listed.missing or None,
        "remark": listed.remark or None,
    }


def row(listed: Listed) -> tuple[str, ...]:
    """Return a scorer for people, in a line. Pure."""
    card = listed.card
    return (
        listed.name,
        card.version if card else "",
        card.side if card else "",
        ", ".join(measure.name for measure in card.measures) if card else "",
        card.cost if card else "",
        listed.runs,
        f"no: {listed.missing}" if listed.missing else "yes",
    )


def told(listed: Listed) -> str:
    """Return all that a scorer says of itself. Pure."""
    return "\n".join([listed.name, *_told(listed)])


def _told(listed: Listed) -> Iterable[str]:
    card = listed.card
    for measure in card.measures if card else ():
        labels = f", {' or '.join(measure.labels)}" if measure.labels else ""
        yield _wrapped(
            f"{measure.name}: {measure.unit}, {measure.low:g} to {measure.high:g}, {measure.direction}{labels}"
        )
    if card:
        yield _wrapped(f"made of: {card.source}")
        yield _wrapped(f"can't see: {card.blind_spots}")
    if listed.remark:
        yield _wrapped(listed.remark)
    if listed.missing:
        yield _wrapped(f"missing: {listed.missing}")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
