"""The evidence of each app's current step: windows, scored calls, and pairs that a judge compared.

It is a set: what comes again changes nothing, whoever repeats it, so it is counted exactly once however often it
is delivered. Of a busy app the first MOST_CALLS scored calls of a version's role in a step count for each measure,
and no more: memory and store are bounded, and a share of 5 % is known to 0.6 points by then.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

from schemas.observations import WindowClosed
from schemas.partials import PartialKey, partial_key, preferred
from schemas.record import Variant
from schemas.weighted_rates import WeightedSums
from services.rollout.evidence.compared import Compared, Outcome
from services.rollout.evidence.scored import ScoredCall
from services.rollout.evidence.trials import Trials, weighted
from services.rollout.figures import Figures, summed

MOST_CALLS = 5_000

CallEvidence = ScoredCall | Compared
_POINTS = {Outcome.WON: 1.0, Outcome.TIED: 0.5, Outcome.LOST: 0.0}


@dataclass(slots=True)
class _OfApp:
    windows: dict[PartialKey, WindowClosed] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    scored: dict[tuple[Variant, str], WeightedSums] = field(default_factory=lambda: defaultdict(WeightedSums))
    pairs: Counter[Outcome] = field(default_factory=Counter)


class Evidence:
    """What is known of every app's current step."""

    def __init__(self) -> None:
        self._apps: dict[str, _OfApp] = defaultdict(_OfApp)

    def keep_window(self, window: WindowClosed) -> None:
        """Take a partial, or the better one of two."""
        windows = self._apps[window.app].windows
        key = partial_key(window)
        windows[key] = preferred(windows.get(key), window)

    def keep_call(self, call: CallEvidence) -> bool:
        """Take what is known of a call; return whether it is new and counts."""
        of_app = self._apps[call.app]
        if call.event_id in of_app.known:
            return False
        taken = _scored(of_app, call) if isinstance(call, ScoredCall) else _compared(of_app, call)
        if taken:
            of_app.known.add(call.event_id)
        return taken

    def forget(self, app: str) -> None:
        """Drop an app's evidence: a new step counts from its own beginning."""
        self._apps.pop(app, None)

    def figures(self, app: str, role: Variant | None) -> Figures:
        """Return what the app's version in a role did since the step began."""
        of_app = self._apps.get(app)
        if of_app is None:
            return Figures()
        figures = summed(window for window in of_app.windows.values() if window.variant == role)
        scored = {name: weighted(sums) for (variant, name), sums in of_app.scored.items() if variant == role}
        if role is not Variant.SHADOW:
            return replace(figures, scored=scored)
        judged = {outcome: count for outcome, count in of_app.pairs.items() if outcome in _POINTS}
        points = sum(_POINTS[outcome] * count for outcome, count in judged.items())
        pairs = Trials(points, sum(judged.values()))
        return replace(figures, scored=scored, pairs=pairs, unjudged=of_app.pairs[Outcome.UNJUDGED])

    def compared(self, app: str) -> int:
        """Return how many pairs of an app the judge was asked about."""
        return self._apps[app].pairs.total() if app in self._apps else 0


def _scored(of_app: _OfApp, call: ScoredCall) -> bool:
    room = [
        (of_app.scored[call.variant, name], mark)
        for name, mark in call.marks.items()
        if of_app.scored[call.variant, name].count < MOST_CALLS
    ]
    for sums, mark in room:
        sums.add(hit=mark.flagged, probability=mark.probability)
    return bool(room)


def _compared(of_app: _OfApp, call: Compared) -> bool:
    of_app.pairs[call.outcome] += 1
    return True
