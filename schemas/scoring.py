"""`scorers:` in driftloop.yaml: which scorers judge an app's calls, and scorers of a user's own.

A scorer of the product is named; its entry changes threshold or sampling, or takes it out. A scorer of a
user's own is a Python entry point or an HTTP endpoint. Which scorers there are is services.scorers.catalogue's
to say: a configuration is read where they are not installed.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from schemas.cascade import Cascade
from schemas.guards import GuardSettings, guard_scores
from schemas.metrics import SCORE_METRICS, SCORES, UNSAFE, ScoreMetric, metrics_of_score
from schemas.score_meaning import ScoreMeaning
from schemas.section import Key, Seconds, Section, Share, Usd

FLAGGED = "flagged"

Side = Literal["prompt", "response", "pair", "conversation"]
ScoreName = Annotated[
    str, msgspec.Meta(pattern=r"^(prompt|response|pair|conversation)\.[a-z0-9][a-z0-9._-]*$", max_length=128)
]


class DeclaredScore(Section, frozen=True, kw_only=True):
    """A score that an entry point gives, so that monitors may name it where the entry point is not installed.

    Attributes:
        name: `<side>.<what>`.
        flagged: The label whose share is `<name>_ratio`; empty for a plain measure.
    """

    name: ScoreName
    unit: str = ""
    meaning: str = ""
    flagged: str = ""


class Endpoint(Section, frozen=True, kw_only=True):
    """A scorer over HTTP.

    Attributes:
        form: moderation is OpenAI's /v1/moderations; judge a chat model that answers a rubric with a number.
        url: Base URL with its /v1; or url_env, the environment variable that has it.
        model: What the endpoint calls its model; a judge needs one.
        rubric: What a judge is told; or rubric_file, relative to the configuration's folder.
        low: Smallest number that a judge may answer with; `high` the largest.
        key_env: Environment variable with the endpoint's key.
        timeout_s: What takes longer is not judged.
        usd_per_call: What a call costs.
    """

    form: Literal["moderation", "judge"]
    url: str = ""
    url_env: str = ""
    model: str = ""
    rubric: str = ""
    rubric_file: str = ""
    low: float = 0.0
    high: float = 1.0
    key_env: str = ""
    timeout_s: Seconds = 10.0
    usd_per_call: Usd = 0.0

    @property
    def flagged(self) -> str:
        """The label of a value at or past the threshold."""
        return UNSAFE if self.form == "moderation" else FLAGGED


class ScorerEntry(Section, frozen=True, kw_only=True):
    """A scorer of an app, or of every app.

    Attributes:
        name: Of a scorer in the catalogue; of a user's own, any other.
        app: Whose calls; empty means every app's that has no entry of this name for itself.
        enabled: Whether it runs.
        threshold: Value from which a score gets its bad label; the scorer's own unless set.
        sample: Share of the calls that it sees; which ones is derived from their ids.
        process: Which process runs an entry point; guard shows it a sample (`cascade`), as it does an endpoint.
        entry_point: `package.module:factory`; the factory takes a services.scorers.entry_points.Wanted.
        measures: Every score that the entry point gives.
        endpoint: Asked over HTTP.
        side: What the endpoint is shown.
        guard: A guard model, here or behind an endpoint of its own (schemas.guards).
        cascade: Which calls it is shown, if it is one that costs more than to see all.
    """

    name: Key
    app: Annotated[str, msgspec.Meta(max_length=128)] = ""
    enabled: bool = True
    threshold: float | None = None
    sample: Share = 1.0
    process: Literal["safety", "quality", "guard"] = "quality"
    entry_point: Annotated[str, msgspec.Meta(pattern=r"^$|^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] = ""
    measures: tuple[DeclaredScore, ...] = ()
    endpoint: Endpoint | None = None
    side: Side = "prompt"
    guard: GuardSettings | None = None
    cascade: Cascade = Cascade()

    @property
    def own(self) -> bool:
        """Whether it is a scorer of a user's own."""
        return bool(self.entry_point) or self.endpoint is not None or self.guard is not None

    @property
    def declared(self) -> tuple[DeclaredScore, ...]:
        """Scores that the catalogue does not know."""
        if self.guard is not None:
            return tuple(
                DeclaredScore(name=score.name, unit="probability", flagged=score.flagged)
                for score in guard_scores(self.name, self.guard)
            )
        if self.endpoint is None:
            return self.measures
        return (DeclaredScore(name=f"{self.side}.{self.name}", flagged=self.endpoint.flagged),)


def entries_of(entries: Iterable[ScorerEntry], app: str) -> tuple[ScorerEntry, ...]:
    """Return the entries that hold for an app: one a name, its own before that of every app."""
    held = {entry.name: entry for entry in entries if not entry.app}
    held |= {entry.name: entry for entry in entries if entry.app == app}
    return tuple(held.values())


def score_metrics(entries: Iterable[ScorerEntry]) -> dict[str, ScoreMetric]:
    """Return the metrics over scores by name: those of the catalogue, and those of a user's own scorers."""
    own = (
        metric
        for entry in entries
        for score in entry.declared
        for metric in metrics_of_score(score.name, ScoreMeaning(score.meaning or score.name, score.unit, score.flagged))
    )
    return {metric.name: metric for metric in (*own, *SCORE_METRICS)}


def fault_of(entry: ScorerEntry) -> str:
    """Return what is wrong with an entry in itself, its key first; empty when nothing is."""
    endpoint = entry.endpoint
    if bool(entry.entry_point) + (endpoint is not None) + (entry.guard is not None) > 1:
        return "endpoint: give one of endpoint, entry_point and guard"
    if bool(entry.entry_point) != bool(entry.measures):
        return "measures: an entry_point, and nothing else, names the scores that it gives"
    if any(score.name in SCORES for score in entry.declared):
        return "measures: a name of the product's own scores"
    return _fault_of_endpoint(endpoint) if endpoint is not None else ""


def _fault_of_endpoint(endpoint: Endpoint) -> str:
    if bool(endpoint.url) == bool(endpoint.url_env):
        return "endpoint.url: give exactly one of 'url' and 'url_env'"
    if endpoint.form == "moderation":
        return "endpoint.rubric: only a judge has one" if endpoint.rubric or endpoint.rubric_file else ""
    if bool(endpoint.rubric) == bool(endpoint.rubric_file):
        return "endpoint.rubric: a judge needs exactly one of 'rubric' and 'rubric_file'"
    if not endpoint.model:
        return "endpoint.model: a judge needs one"
    return "endpoint.high: must be more than 'low'" if endpoint.low >= endpoint.high else ""
