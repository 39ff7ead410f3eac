"""The scorers of each app, run over batches of calls: one ScoresRecorded a call, whatever the number of scorers.

Scorers that cost little come first and see their share of the calls; what the others see is chosen by
`choose`, which is shown what was said before (stream_processors.scoring.sampling.Choice). Scores of prompts
are given where the prompt was answered to a user (stable, canary), those of answers for every variant, so
that a shadow shows what it would have said.

A scorer that fails says nothing of a batch and stops nobody: its calls are recorded as not judged.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.configuration import Configuration
from schemas.ids import derived_id
from schemas.inference import InferenceResponded
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.record import Variant
from schemas.scoring import ScorerEntry
from schemas.settings import Settings
from services.parts.runtime.metrics import counter, gauge
from services.scorers.catalogue import Process, check_entries, entries_for, load_all, process_of
from services.scorers.contract import Score, Scorer, Subject, unjudged
from services.scorers.costly import is_costly
from services.scorers.workshop import Workshop
from stream_processors.scoring.sampling import Choice, Judged, evenly

PROMPT = "prompt."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seat:
    """A scorer on a panel.

    Attributes:
        share: Of the calls, by its entry.
    """

    scorer: Scorer
    share: float = 1.0

    @property
    def cheap(self) -> bool:
        """Whether it may see every call."""
        return self.scorer.card.cost == "cheap"


@dataclass(slots=True)
class _Sheet:
    """A call while it is judged."""

    response: InferenceResponded
    subject: Subject
    scores: list[RecordedScore] = field(default_factory=list)

    @property
    def shadow(self) -> bool:
        return self.response.variant is Variant.SHADOW


class Panel:
    """The scorers of one app in one process.

    Args:
        process: Whose messages these are; a call has one of each process.
        choose: Which calls the scorers see that are not cheap.
    """

    def __init__(self, process: str, seats: Sequence[Seat], choose: Choice = evenly) -> None:
        self._process = process
        self._seats = sorted(seats, key=lambda seat: not seat.cheap)
        self._choose = choose

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """The scorers that sit on it."""
        return tuple(seat.scorer for seat in self._seats)

    def score(self, responses: Sequence[InferenceResponded]) -> list[ScoresRecorded]:
        """Return what there is to say of each call; nothing of one that no scorer is for."""
        sheets = [_Sheet(response, Subject.of(response)) for response in responses]
        for seat in self._seats:
            self._take(seat, sheets)
        return [self._message(sheet) for sheet in sheets if sheet.scores]

    def _take(self, seat: Seat, sheets: Sequence[_Sheet]) -> None:
        """Add a scorer's scores to the calls that it is for and that were chosen for it."""
        card = seat.scorer.card
        held = [sheet for sheet in sheets if not (sheet.shadow and card.side == "prompt")]
        choose = evenly if seat.cheap else self._choose
        chances = choose(card, seat.share, [Judged(sheet.response, sheet.scores) for sheet in held])
        chosen = [(sheet, chance) for sheet, chance in zip(held, chances, strict=True) if chance > 0]
        if not chosen:
            return
        began = time.perf_counter()
        rows = _rows_of(seat.scorer, [sheet.subject for sheet, _ in chosen])
        latency_ms = round(1000 * (time.perf_counter() - began) / len(chosen), 4)
        for (sheet, chance), row in zip(chosen, rows, strict=True):
            sheet.scores += [
                _recorded(score, card.scorer, latency_ms, chance)
                for score in row
                if not (sheet.shadow and score.name.startswith(PROMPT))
            ]
        _count(card.name, rows)

    def _message(self, sheet: _Sheet) -> ScoresRecorded:
        response = sheet.response
        return ScoresRecorded(
            event_id=derived_id(response.event_id, "scores", self._process),
            occurred_at=response.occurred_at,
            app=response.app,
            model=response.model,
            adapter_version=response.adapter_version,
            variant=response.variant,
            tenant=response.tenant,
            request_id=response.request_id,
            scores=tuple(sheet.scores),
        )


class Panels:
    """The panels of every app of a process; apps with the same entries share one.

    Raises:
        UnknownScorer: The configuration names one that there is not.
    """

    def __init__(
        self, process: Process, settings: Settings, configuration: Configuration, choose: Choice = evenly
    ) -> None:
        check_entries(configuration.scorers)
        self._process = process
        self._configuration = configuration
        self._workshop = Workshop.of(settings, configuration.apps)
        self._choose = choose
        self._panels: dict[str, Panel] = {}
        self._by_entries: dict[tuple[ScorerEntry, ...], Panel] = {}
        self._unavailable = gauge("driftloop_scorers_unavailable").labels(process)
        for app in configuration.apps:
            self.of(app.name)

    def of(self, app: str) -> Panel:
        """Return an app's panel."""
        if app not in self._panels:
            entries = entries_for(self._configuration.scorers, app)
            mine = tuple(entry for entry in entries if process_of(entry) == self._process and not self._costly(entry))
            self._panels[app] = self._by_entries.get(mine) or self._made(mine)
        return self._panels[app]

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """Every scorer that is loaded, once a name."""
        return tuple({one.card.name: one for panel in self._panels.values() for one in panel.scorers}.values())

    def _costly(self, entry: ScorerEntry) -> bool:
        return is_costly(entry, self._workshop)  # the guard processor's

    def score(self, responses: Sequence[InferenceResponded]) -> list[ScoresRecorded]:
        """Return what there is to say of each call, app by app."""
        by_app: dict[str, list[InferenceResponded]] = defaultdict(list)
        for response in responses:
            by_app[response.app].append(response)
        return [scores for app, calls in by_app.items() for scores in self.of(app).score(calls)]

    def _made(self, entries: tuple[ScorerEntry, ...]) -> Panel:
        loaded, lacking = load_all(entries, self._workshop)
        for error in lacking:
            log.error("scorer left out: %s", error)
        self._unavailable.inc(len(lacking))
        panel = Panel(self._process, [Seat(scorer, entry.sample) for entry, scorer in loaded], self._choose)
        self._by_entries[entries] = panel
        return panel


def _rows_of(scorer: Scorer, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
    try:
        return scorer.score(subjects)
    except Exception as error:  # noqa: BLE001  the scorers' loop: one of them, maybe a user's, must not stop the others
        reason = type(error).__name__
    counter("driftloop_scorer_failures_total").labels(scorer.card.name).inc()
    log.error("scorer failed: scorer=%s calls=%s error=%s", scorer.card.scorer, len(subjects), reason)
    return [unjudged(scorer.card, f"scorer failed: {reason}")] * len(subjects)


def _recorded(score: Score, scorer: str, latency_ms: float, chance: float) -> RecordedScore:
    return RecordedScore(
        name=score.name,
        value=score.value,
        label=score.label,
        categories=score.categories,
        unjudged=score.unjudged,
        scorer=scorer,
        latency_ms=latency_ms,
        sampling_probability=chance,
    )


def _count(scorer: str, rows: Sequence[Sequence[Score]]) -> None:
    absent = sum(score.value is None for row in rows for score in row)
    given = sum(map(len, rows)) - absent
    scores = counter("driftloop_scores_total")
    scores.labels(scorer, "judged").inc(given)
    scores.labels(scorer, "unjudged").inc(absent)
