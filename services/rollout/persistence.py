"""The controller's state in the control store. Each method is one transaction."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Engine, delete, insert, select, update

from schemas.codec import encode
from schemas.ids import derived_id
from schemas.learning import RolloutChanged
from schemas.observations import WindowClosed
from schemas.record import series_of
from services.clients.store.rollouts import CALLS, CHANGES, INPUTS, ROLLOUTS, WINDOWS
from services.rollout.evidence.compared import Compared
from services.rollout.evidence.kept import CallEvidence
from services.rollout.evidence.scored import ScoredCall
from services.rollout.lanes import Outcome
from services.rollout.states import Lane

_KINDS: dict[str, type[CallEvidence]] = {"scored": ScoredCall, "compared": Compared}


class RolloutStore:
    """Lanes, untold changes, inputs already handled, and the evidence of the current step."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lanes(self) -> dict[str, Lane]:
        """Return every app's lane."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(ROLLOUTS.c.app, ROLLOUTS.c.body)).all()
        return {app: msgspec.json.decode(body, type=Lane) for app, body in rows}

    def handled(self, input_id: str) -> bool:
        """Tell whether an input took effect before."""
        with self._engine.begin() as connection:
            return connection.execute(select(INPUTS).where(INPUTS.c.event_id == input_id)).first() is not None

    def save(self, outcome: Outcome, now: datetime, *, input_id: str = "", forget: bool = False) -> None:
        """Keep a lane, its untold changes and the input behind them: all or nothing.

        Args:
            outcome: What an input or an observation led to.
            now: When.
            input_id: The input, so that its second delivery is known.
            forget: Drop the app's evidence: a new step counts from its own beginning.

        Raises:
            IntegrityError: Another controller told a change of this number: only one may run.
        """
        lane = outcome.lane
        changes = [
            {"app": change.app, "sequence": change.sequence, "value": encode(change), "confirmed": False}
            for change in outcome.changes
        ]
        with self._engine.begin() as connection:
            connection.execute(delete(ROLLOUTS).where(ROLLOUTS.c.app == lane.app))
            connection.execute(insert(ROLLOUTS).values(app=lane.app, body=msgspec.json.encode(lane), updated_at=now))
            if changes:
                connection.execute(insert(CHANGES), changes)
            if forget:
                connection.execute(delete(WINDOWS).where(WINDOWS.c.app == lane.app))
                connection.execute(delete(CALLS).where(CALLS.c.app == lane.app))
            if input_id:
                connection.execute(insert(INPUTS).values(event_id=input_id, handled_at=now))

    def unconfirmed(self) -> list[RolloutChanged]:
        """Return the changes that the bus may not have, in order."""
        return self._changes(only_unconfirmed=True)

    def last_changes(self) -> list[RolloutChanged]:
        """Return each app's last change."""
        last = {change.app: change for change in self._changes(only_unconfirmed=False)}
        return list(last.values())

    def confirm(self, changes: Iterable[RolloutChanged]) -> None:
        """Remember that the bus has these changes."""
        with self._engine.begin() as connection:
            for change in changes:
                at = (CHANGES.c.app == change.app) & (CHANGES.c.sequence == change.sequence)
                connection.execute(update(CHANGES).where(at).values(confirmed=True))

    def keep_windows(self, windows: Iterable[WindowClosed]) -> None:
        """Keep evidence of the current step; a partial kept before stays as it is."""
        with self._engine.begin() as connection:
            for window in windows:
                partial_id = _partial_id(window)
                connection.execute(delete(WINDOWS).where(WINDOWS.c.partial_id == partial_id))
                values = {"partial_id": partial_id, "app": window.app, "value": encode(window)}
                connection.execute(insert(WINDOWS).values(values))

    def keep_calls(self, calls: Iterable[CallEvidence]) -> None:
        """Keep evidence of single calls; what was kept before stays as it is."""
        rows = [
            {
                "call_id": call.event_id,
                "app": call.app,
                "kind": "scored" if isinstance(call, ScoredCall) else "compared",
                "value": msgspec.json.encode(call),
            }
            for call in calls
        ]
        with self._engine.begin() as connection:
            connection.execute(delete(CALLS).where(CALLS.c.call_id.in_([row["call_id"] for row in rows])))
            connection.execute(insert(CALLS), rows)

    def calls(self) -> list[CallEvidence]:
        """Return what is kept of single calls."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(CALLS.c.kind, CALLS.c.value)).all()
        return [msgspec.json.decode(value, type=_KINDS[kind]) for kind, value in rows]

    def windows(self) -> list[WindowClosed]:
        """Return the windows kept."""
        with self._engine.begin() as connection:
            values = connection.execute(select(WINDOWS.c.value)).scalars().all()
        return [msgspec.json.decode(value, type=WindowClosed) for value in values]

    def _changes(self, *, only_unconfirmed: bool) -> list[RolloutChanged]:
        query = select(CHANGES.c.value).order_by(CHANGES.c.app, CHANGES.c.sequence)
        if only_unconfirmed:
            query = query.where(CHANGES.c.confirmed.is_(False))
        with self._engine.begin() as connection:
            values = connection.execute(query).scalars().all()
        return [msgspec.json.decode(value, type=RolloutChanged) for value in values]


def _partial_id(window: WindowClosed) -> str:
    return derived_id(
        series_of(window).key.decode(),
        window.window_start.isoformat(),
        window.source_topic,
        window.source_partition,
        window.first_offset,
        window.last_offset,
    )
