"""From news and windows to kept states: the controller's memory is a copy of the store's."""

from collections.abc import Callable, Iterable
from datetime import datetime

from schemas.configuration import Configuration
from schemas.gate_policy import GatePolicy
from schemas.learning import AdapterTrained, RolloutOrdered, RolloutState
from schemas.observations import ScoresRecorded, WindowClosed
from schemas.record import Record, Variant
from schemas.rollout_policy import RolloutPolicy
from services.rollout.approvals import after_news, expired
from services.rollout.convergence import Standing, Wanted
from services.rollout.evidence.compared import Compared
from services.rollout.evidence.kept import CallEvidence, Evidence
from services.rollout.evidence.scored import scored_call
from services.rollout.lanes import Outcome, after_observation, rollout_id_of
from services.rollout.pairwise.watches import Watch
from services.rollout.persistence import RolloutStore
from services.rollout.states import Lane, Rollout
from services.rollout.transitions import Observation

_ROLE = {RolloutState.SHADOW: Variant.SHADOW, RolloutState.CANARY: Variant.CANARY}


class Controller:
    """Every app's lane and the evidence of its current step. Used from one thread.

    Whatever it decides is in the store before it returns, so a process that dies at any moment goes
    on from there. It produces nothing: `RolloutStore.unconfirmed` is what has to be told.
    """

    def __init__(self, store: RolloutStore, configuration: Configuration) -> None:
        self._store = store
        self._configuration = configuration
        self.lanes: dict[str, Lane] = store.lanes()
        self._evidence = Evidence()
        for window in store.windows():
            self._evidence.keep_window(window)
        for call in store.calls():
            self._evidence.keep_call(call)

    def take(self, records: Iterable[Record], now: datetime) -> None:
        """Let records take effect, in order. One that took effect before is dropped."""
        kept, calls = list[WindowClosed](), list[CallEvidence]()
        for record in records:
            if isinstance(record, AdapterTrained | RolloutOrdered):
                self._take_news(record, now)
            elif isinstance(record, WindowClosed) and self._concerns(record, record.window_end):
                self._evidence.keep_window(record)
                kept.append(record)
            elif isinstance(record, ScoresRecorded) and self._concerns(record, record.occurred_at):
                calls += filter(None, (scored_call(record),))
        if kept:
            self._store.keep_windows(kept)
        self._keep_calls(calls)

    def take_compared(self, pairs: Iterable[Compared]) -> None:
        """Take what a judge said of pairs. One of a rollout that has left shadow is dropped."""
        watched = {watch.rollout_id for watch in self.watches()}
        self._keep_calls(pair for pair in pairs if pair.rollout_id in watched)

    def watches(self) -> tuple[Watch, ...]:
        """Return the rollouts whose shadows' answers a judge shall compare, each with what is left of its budget."""
        return tuple(filter(None, map(self._watch, self.lanes.values())))

    def judge(self, standing: Callable[[str], Standing], now: datetime) -> None:
        """Move every rollout on that is due, given what is seen of the replicas."""
        for app in tuple(self.lanes):
            late = expired(self.lanes[app], self._policy(app), self._gate(app), now)
            if late.changes:
                self._save(late, now)
            seen = self._observation(self.lanes[app], standing(app))
            outcome = after_observation(self.lanes[app], seen, self._policy(app), now)
            if outcome.changes:
                self._save(outcome, now)

    def wanted(self, default_replica: str) -> dict[str, Wanted]:
        """Return what each app's replicas must hold.

        Args:
            default_replica: The model server of an app that names no upstreams.
        """
        return {name: self._wanted(lane, default_replica) for name, lane in self.lanes.items()}

    def _wanted(self, lane: Lane, default_replica: str) -> Wanted:
        app = self._configuration.app(lane.app)
        known = {version: adapter.artifact_uri for version, adapter in lane.adapters.items()}
        return Wanted(
            replicas=(app.upstreams if app else ()) or (default_replica,),
            versions={version: known[version] for version in sorted(lane.wanted) if version in known},
            unwanted=frozenset(known) - lane.wanted,
        )

    def _take_news(self, news: AdapterTrained | RolloutOrdered, now: datetime) -> None:
        input_id = rollout_id_of(news)
        if self._store.handled(input_id):
            return
        lane, policy = self.lanes.get(news.app, Lane(app=news.app)), self._policy(news.app)
        self._save(after_news(lane, news, policy, self._gate(news.app), now), now, input_id)

    def _save(self, outcome: Outcome, now: datetime, input_id: str = "") -> None:
        lane = outcome.lane
        before = self.lanes.get(lane.app, Lane(app=lane.app)).active
        forget = _place(before) != _place(lane.active)
        self._store.save(outcome, now, input_id=input_id, forget=forget)
        self.lanes[lane.app] = lane
        if forget:
            self._evidence.forget(lane.app)

    def _policy(self, app: str) -> RolloutPolicy:
        return self._configuration.rollout_of(app)

    def _gate(self, app: str) -> GatePolicy:
        return self._configuration.training_of(app).gate

    def _concerns(self, record: Record, at: datetime) -> bool:
        lane = self.lanes.get(record.app)
        if lane is None or lane.active is None or at <= lane.active.since:
            return False
        candidate = (lane.active.adapter_version, _ROLE.get(lane.active.state))
        return (record.adapter_version, record.variant) in (candidate, (lane.stable, Variant.STABLE))

    def _keep_calls(self, calls: Iterable[CallEvidence]) -> None:
        new = [call for call in calls if self._evidence.keep_call(call)]
        if new:
            self._store.keep_calls(new)

    def _watch(self, lane: Lane) -> Watch | None:
        active, policy = lane.active, self._policy(lane.app)
        if active is None or active.state is not RolloutState.SHADOW or policy.judge is None:
            return None
        left = policy.judge.most - self._evidence.compared(lane.app)
        return Watch(lane.app, active.rollout_id, active.adapter_version, lane.stable, active.since, policy.judge, left)

    def _observation(self, lane: Lane, standing: Standing) -> Observation:
        rollout, app = lane.returning or lane.active, self._configuration.app(lane.app)
        if rollout is None:
            return Observation()
        version = rollout.adapter_version
        return Observation(
            loaded=standing.loaded(version),
            refusal=standing.refusals.get(version, ""),
            pending="; ".join(standing.troubles.values()) or "not every replica lists it",
            candidate=self._evidence.figures(lane.app, _ROLE.get(rollout.state)),
            stable=self._evidence.figures(lane.app, Variant.STABLE),
            task=app.does if app else "classify",
        )


def _place(rollout: Rollout | None) -> tuple[str, RolloutState, int] | None:
    return (rollout.rollout_id, rollout.state, rollout.step) if rollout else None
