"""Where an app's rollouts stand: the values that the controller keeps in the store."""

from datetime import datetime

import msgspec

from schemas.learning import RolloutState

FINAL = frozenset({RolloutState.PROMOTED, RolloutState.ROLLED_BACK, RolloutState.REFUSED, RolloutState.FAILED})


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """A version that training made, and what the gate said of it.

    Attributes:
        withheld: Why it may not go out though the gate passed it; empty where it may.
    """

    artifact_uri: str
    passed: bool
    reasons: tuple[str, ...] = ()
    withheld: str = ""


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """One version on its way.

    Attributes:
        previous_version: What is stable when it begins; empty means the base model.
        step: Index into the policy's shares while in the canary.
        since: When this state, or this step of it, began.
        override_by: The operator who ordered it past the gate.
    """

    rollout_id: str
    adapter_version: str
    previous_version: str = ""
    state: RolloutState = RolloutState.LOADING
    step: int = 0
    since: datetime
    override_by: str = ""
    reason: str = ""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """An app's rollouts: one under way, at most one waiting.

    Attributes:
        sequence: Of the last change told.
        stables: Versions that have been stable, each gone on from to the next, the last one serving; the
            first is always the base model.
        promoted: Every version that ever served everybody, in order; any of them may be gone back to.
        returning: The version that an operator wants back at once; its replicas load it.
        adapters: Every version heard of.
        held: What waits for a person's approval; no replica loads it before.
    """

    app: str
    model: str = ""
    sequence: int = 0
    stables: tuple[str, ...] = ("",)
    promoted: tuple[str, ...] = ()
    adapters: dict[str, Adapter] = {}
    active: Rollout | None = None
    waiting: Rollout | None = None
    returning: Rollout | None = None
    held: Rollout | None = None

    @property
    def stable(self) -> str:
        """The version that serves; empty means the base model."""
        return self.stables[-1]

    @property
    def previous(self) -> str:
        """The version that an operator's rollback would bring back."""
        return self.stables[-2] if len(self.stables) > 1 else ""

    @property
    def wanted(self) -> frozenset[str]:
        """Versions that every replica must hold: in traffic, under way, or needed for a quick way back."""
        under_way = [rollout.adapter_version for rollout in (self.active, self.returning) if rollout]
        return frozenset((self.stable, self.previous, *under_way)) - {""}

    @property
    def served(self) -> frozenset[str]:
        """Versions that served everybody at some time, the base model among them."""
        return frozenset((*self.promoted, *self.stables))

    def with_stables(self, stables: tuple[str, ...]) -> "Lane":
        """Return the lane with other versions behind it, the last one serving; what served before stays known."""
        served = dict.fromkeys((*self.promoted, *self.stables, *stables))
        return msgspec.structs.replace(self, stables=stables, promoted=tuple(filter(None, served)))

    def back_at(self, version: str) -> tuple[str, ...]:
        """Return the versions behind the lane once a version that served is back: those that it followed then."""
        known = self.stables
        return known[: known.index(version) + 1] if version in known else (*known, version)
