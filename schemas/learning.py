"""The second half of the loop: retraining, adapters, the gate and rollouts."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from schemas.gate_report import Effort, ForgettingCell, GateCheck
from schemas.record import Count, Identifier, Name, Ratio, Record


class RetrainingRequested(Record, frozen=True, kw_only=True):
    """A monitor, or an operator, ordered a new version of the app's adapter.

    Attributes:
        alert_id: The alert behind the order; empty when an operator ordered it.
        monitor: The monitor behind the order; empty likewise.
        requested_by: "monitor" or the operator's name.
    """

    retraining_id: Identifier
    alert_id: Name = ""
    monitor: Name = ""
    requested_by: Name = "monitor"
    reason: Annotated[str, msgspec.Meta(max_length=1024)] = ""


class TrainingChanged(Record, frozen=True, kw_only=True):
    """A training job moved on. `adapter_version` is the version in the making."""

    job_id: Identifier
    retraining_id: Name = ""
    state: Literal["declined", "curating", "training", "evaluating", "finished", "failed"]
    detail: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    step: Count = 0
    steps: Count = 0
    loss: float | None = None


class AdapterProposed(Record, frozen=True, kw_only=True):
    """An adapter made elsewhere asks for the gate. `artifact_uri` is a PEFT folder."""

    proposal_id: Identifier
    artifact_uri: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    proposed_by: Name
    reason: Annotated[str, msgspec.Meta(max_length=1024)] = ""


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of one version on one slice, with a 95 % interval: Wilson's, or of the mean where answers are graded.

    Attributes:
        correct: Answers that are wholly right.
        mean: What graded answers are worth on average; None where each is right or wrong.
    """

    correct: Count
    count: Count
    low: Ratio
    high: Ratio
    mean: Ratio | None = None

    @property
    def value(self) -> float:
        """Share of correct answers, or the mean of graded ones; 0 when the slice is empty."""
        if self.mean is not None:
            return self.mean
        return self.correct / self.count if self.count else 0.0


class SliceResult(msgspec.Struct, frozen=True, kw_only=True):
    """Candidate and incumbent on the same held-out prompts of one slice.

    Attributes:
        role: recent (must improve), earlier (must not fall past its margin), slice (own margin).
        margin: How much worse the candidate may be.
        bound: One-sided 95 % confidence bound on candidate minus incumbent (paired bootstrap).
    """

    name: Name
    role: Literal["recent", "earlier", "slice"]
    candidate: Accuracy
    incumbent: Accuracy
    margin: float
    bound: float
    passed: bool


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """The gate's verdict and every comparison behind it.

    Attributes:
        metric: What the comparisons are of, from schemas.tasks.
        checks: Conduct and cost of an app that writes; a label has neither.
        forgetting: The candidate on earlier versions' held-out sets, for people to see; no verdict rests on it.
        figures: Means of further metrics, "candidate/chrf" to its value.
        effort: What the answers took, by "candidate" and "incumbent".
    """

    passed: bool
    reasons: tuple[str, ...]
    slices: tuple[SliceResult, ...]
    metric: str = "accuracy"
    checks: tuple[GateCheck, ...] = ()
    forgetting: tuple[ForgettingCell, ...] = ()
    figures: dict[str, float] = {}
    effort: dict[str, Effort] = {}


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where an adapter comes from; each id resolves in the warehouse or the registry.

    Attributes:
        offsets: Last offset of each source partition that curation saw: "topic/partition" to offset.
        dataset_hash: SHA-256 over the curated rows in order.
        adapter_hash: SHA-256 over the adapter's weights file.
        removed: Rows that curation took out, by reason.
    """

    alert_id: str = ""
    retraining_id: str = ""
    parent_version: str = ""
    offsets: dict[str, int] = {}
    dataset_hash: str = ""
    dataset_rows: int = 0
    removed: dict[str, int] = {}
    adapter_hash: str = ""
    run_id: str = ""
    registry_version: str = ""


class AdapterTrained(Record, frozen=True, kw_only=True):
    """A new adapter version exists, is registered, and the gate has spoken.

    Attributes:
        job_id: The training job, or the proposal's id.
        artifact_uri: Folder in PEFT format that a server can load.
    """

    job_id: Identifier
    artifact_uri: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    gate: GateReport
    lineage: Lineage
    train_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    gate_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class RolloutOrdered(Record, frozen=True, kw_only=True):
    """An operator ordered a version to be rolled out, promoted or taken back; `adapter_version` names it.

    Attributes:
        action: `promote` is for a version that waits in shadow for a person's word, `approve` and `refuse` for one
            that passed the gate and waits for it.
        override_gate: True lets a version through that the gate refused. Recorded for ever.
        back_to: To roll back whatever serves, to a version that served before: its name, empty for the base model.
            None with an `adapter_version` takes that one back, and without one goes to the version before.
    """

    order_id: Identifier
    action: Literal["start", "roll_back", "promote", "approve", "refuse"]
    ordered_by: Identifier
    override_gate: bool = False
    back_to: Name | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1024)] = ""


class RolloutState(StrEnum):
    """Where a rollout stands; `held` waits for a person's approval. The last four are final."""

    HELD = "held"
    LOADING = "loading"
    SHADOW = "shadow"
    CANARY = "canary"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"
    FAILED = "failed"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A version's share of an app's traffic.

    Attributes:
        weight: Share of users or sessions answered by it; the answering routes sum to 1.
        mirror: Share of requests copied to it without answering (shadow).
    """

    adapter_version: str
    variant: Literal["stable", "canary", "shadow"]
    weight: Ratio = 0.0
    mirror: Ratio = 0.0


class RolloutChanged(Record, frozen=True, kw_only=True):
    """A rollout moved on; `routes` is from now on the app's whole routing table.

    Attributes:
        sequence: Grows by one with each change of the app, over all its rollouts.
        step: Index into the policy's canary shares; 0 outside the canary.
        previous_version: The stable version when the rollout began.
        evidence: Figures behind the step, e.g. canary and stable accuracy and counts.
    """

    rollout_id: Identifier
    state: RolloutState
    sequence: Count
    step: Count = 0
    previous_version: Name = ""
    routes: tuple[Route, ...] = ()
    reason: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    evidence: dict[str, float] = {}
    override_by: Name = ""
