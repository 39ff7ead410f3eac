"""Which scorers a command is about: those that run, or those that are named; and what they are loaded in."""

from collections.abc import Sequence

from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.scoring import ScorerEntry, entries_of
from schemas.settings import Settings
from services.commands.outcome import UNUSABLE, fail
from services.parts.runtime.process import read_configuration
from services.scorers.catalogue import LISTING_BY_NAME, UnknownScorer, check_entries, entries_for
from services.scorers.workshop import Workshop


def chosen_entries(settings: Settings, names: Sequence[str], app: str = "") -> list[ScorerEntry]:
    """Return the entries of the scorers named, or of all that run for an app; a wrong name ends the command.

    Args:
        settings: Without a configuration only the product's own scorers are there.
        names: Of scorers of the catalogue, whether they run or not, or of the configuration.
        app: Whose entries; empty for those of every app.
    """
    entries = configured(settings)
    if not names:
        return entries_for(entries, app)
    known = {name: ScorerEntry(name=name) for name in LISTING_BY_NAME}
    known |= {entry.name: entry for entry in entries_of(entries, app)}
    if unknown := [name for name in names if name not in known]:
        fail(f"no scorer is called {unknown[0]!r}; there are {', '.join(known)}", UNUSABLE)
    return [known[name] for name in dict.fromkeys(names)]


def configured(settings: Settings) -> tuple[ScorerEntry, ...]:
    """Return the entries of the configuration; none where there is none yet. One that is wrong ends the command."""
    configuration = _configuration(settings)
    try:
        check_entries(configuration.scorers)
    except UnknownScorer as error:
        fail(f"{settings.configuration.name}: {error}", UNUSABLE)
    return configuration.scorers


def workshop_of(settings: Settings) -> Workshop:
    """Return the workshop of a deployment, with its apps: what an answer should look like is theirs to say."""
    return Workshop.of(settings, _configuration(settings).apps)


def _configuration(settings: Settings) -> Configuration:
    if not settings.configuration.exists():
        return Configuration(apps=())
    try:
        return read_configuration(settings)
    except BadConfiguration as error:
        fail(str(error), UNUSABLE)
