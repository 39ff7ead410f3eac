"""From an entry with an `endpoint` to its scorer."""

import hashlib

from schemas.metrics import UNSAFE
from schemas.scoring import FLAGGED, Endpoint, ScorerEntry
from services.scorers.contract import Card, Measure, Scorer
from services.scorers.offers import Offer, ScorerUnavailable, Wanted
from services.scorers.remote.asking import Asker
from services.scorers.remote.chat import address_of
from services.scorers.remote.judge import PASSED, JudgeScorer
from services.scorers.remote.moderation import SAFE, ModerationScorer


def endpoint_offer(wanted: Wanted) -> Offer:
    """Return the scorer behind an endpoint as an offer; the endpoint itself is first asked when a call is judged.

    Raises:
        ScorerUnavailable: The file with the rubric can't be read.
    """
    entry, environment = wanted.entry, wanted.workshop.environment
    endpoint = entry.endpoint
    assert endpoint is not None, "the catalogue asks for endpoints alone"
    rubric = _rubric(wanted, endpoint)
    card = _card(entry, endpoint, rubric)
    url, key = address_of(endpoint, environment)
    unset = [name for name, value in ((endpoint.url_env, url), (endpoint.key_env, key)) if name and not value]

    def load() -> Scorer:
        asker = Asker(url, key=key, timeout_s=endpoint.timeout_s)
        if endpoint.form == "moderation":
            return ModerationScorer(card, asker, model=endpoint.model, threshold=entry.threshold)
        return JudgeScorer(card, asker, model=endpoint.model, rubric=rubric, threshold=entry.threshold)

    missing = f"set the environment variable {' and '.join(unset)}" if unset else ""
    return Offer(card, load, missing, remark=f"{endpoint.usd_per_call:g} USD a call" if endpoint.usd_per_call else "")


def _rubric(wanted: Wanted, endpoint: Endpoint) -> str:
    if not endpoint.rubric_file:
        return endpoint.rubric
    try:
        return wanted.relative(endpoint.rubric_file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ScorerUnavailable(f"{wanted.entry.name}: {endpoint.rubric_file}: {reason}") from error


def _card(entry: ScorerEntry, endpoint: Endpoint, rubric: str) -> Card:
    moderation = endpoint.form == "moderation"
    labels = (SAFE, UNSAFE) if moderation else () if entry.threshold is None else (PASSED, FLAGGED)
    measure = Measure(
        name=f"{entry.side}.{entry.name}",
        unit="probability" if moderation else "points",
        direction="higher is worse" if labels else "neither",
        low=0.0 if moderation else endpoint.low,
        high=1.0 if moderation else endpoint.high,
        labels=labels,
    )
    return Card(
        name=entry.name,
        version=_version(endpoint, rubric),
        side=entry.side,
        measures=(measure,),
        cost="remote",
        source="an endpoint of OpenAI's moderation form" if moderation else "a chat model as judge, by a rubric",
        blind_spots="What its model can't see; it may change behind its name; it sees no text past 100,000 characters.",
    )


def _version(endpoint: Endpoint, rubric: str) -> str:
    digest = hashlib.sha256(f"{endpoint.form}|{endpoint.model}|{rubric}|{endpoint.low}|{endpoint.high}".encode())
    return f"{endpoint.model[:100] or endpoint.form}-{digest.hexdigest()[:8]}"
