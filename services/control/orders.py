"""An operator's order from its JSON body to the record that carries it."""

import difflib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from schemas.configuration import App, Configuration
from schemas.learning import AdapterProposed, RetrainingRequested, RolloutOrdered
from schemas.record import Identifier, Name, Record

Reason = Annotated[str, msgspec.Meta(max_length=1024)]
_Order = TypeVar("_Order", bound="Order")
Uri = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]


class BadOrder(ValueError):
    """The order can't be taken. The message is one line: which field, what is wrong, how to mend."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every order names."""

    app: Identifier
    reason: Reason = ""


class RolloutOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/rollouts.

    Attributes:
        adapter_version: What is started, promoted or taken back; left out to take back whatever serves.
        back_to: The version to serve instead of whatever serves, which served before; empty is the base model.
    """

    adapter_version: Name = ""
    action: Literal["start", "roll_back", "promote"]
    ordered_by: Identifier
    override_gate: bool = False
    back_to: Name | None = None


class ProposalOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/proposals."""

    artifact_uri: Uri
    proposed_by: Identifier


class RetrainingOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/retrainings."""

    requested_by: Identifier


class ApprovalOrder(Order, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/approvals: a person's word on a version that the gate passed. It says why."""

    adapter_version: Identifier
    decision: Literal["approve", "refuse"]
    decided_by: Identifier
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


@dataclass(frozen=True, slots=True)
class Stamp:
    """The identity and time that an order gets."""

    event_id: str
    order_id: str
    at: datetime


def rollout_ordered(body: bytes, configuration: Configuration, stamp: Stamp) -> RolloutOrdered:
    """Return the record of an order to roll a version out or take it back.

    Raises:
        BadOrder: Malformed, a wrong or unknown field, or an app that the configuration lacks.
    """
    order = _read(body, RolloutOrder)
    if not order.adapter_version and order.action != "roll_back":
        raise BadOrder(f"adapter_version: name the version to {order.action}")
    if order.back_to is not None and (order.action != "roll_back" or order.adapter_version):
        raise BadOrder("back_to: only for a roll_back of whatever serves; leave out adapter_version, or back_to")
    if order.override_gate and order.action != "start":
        raise BadOrder("override_gate: only a start can go past the gate; leave it out")
    return RolloutOrdered(
        event_id=stamp.event_id,
        occurred_at=stamp.at,
        app=order.app,
        model=_app(configuration, order.app).base_model,
        adapter_version=order.adapter_version,
        order_id=stamp.order_id,
        action=order.action,
        ordered_by=order.ordered_by,
        override_gate=order.override_gate,
        back_to=order.back_to,
        reason=order.reason,
    )


def adapter_proposed(body: bytes, configuration: Configuration, stamp: Stamp) -> AdapterProposed:
    """Return the record of an adapter that asks for the gate.

    Raises:
        BadOrder: As for `rollout_ordered`.
    """
    order = _read(body, ProposalOrder)
    return AdapterProposed(
        event_id=stamp.event_id,
        occurred_at=stamp.at,
        app=order.app,
        model=_app(configuration, order.app).base_model,
        proposal_id=stamp.order_id,
        artifact_uri=order.artifact_uri,
        proposed_by=order.proposed_by,
        reason=order.reason,
    )


def retraining_requested(body: bytes, configuration: Configuration, stamp: Stamp) -> RetrainingRequested:
    """Return the record of an operator's wish for a new version.

    Raises:
        BadOrder: As for `rollout_ordered`.
    """
    order = _read(body, RetrainingOrder)
    return RetrainingRequested(
        event_id=stamp.event_id,
        occurred_at=stamp.at,
        app=order.app,
        model=_app(configuration, order.app).base_model,
        retraining_id=stamp.order_id,
        requested_by=order.requested_by,
        reason=order.reason,
    )


def approval_ordered(body: bytes, configuration: Configuration, stamp: Stamp) -> RolloutOrdered:
    """Return the record of an approval, or of a refusal.

    Raises:
        BadOrder: As for `rollout_ordered`.
    """
    order = _read(body, ApprovalOrder)
    return RolloutOrdered(
        event_id=stamp.event_id,
        occurred_at=stamp.at,
        app=order.app,
        model=_app(configuration, order.app).base_model,
        adapter_version=order.adapter_version,
        order_id=stamp.order_id,
        action=order.decision,
        ordered_by=order.decided_by,
        reason=order.reason,
    )


def identity_of(record: Record) -> dict[str, str]:
    """Return the ids under which an order's way can be followed."""
    names = ("event_id", "order_id", "proposal_id", "retraining_id")
    return {name: str(getattr(record, name)) for name in names if hasattr(record, name)}


def _read(body: bytes, kind: type[_Order]) -> _Order:
    try:
        return msgspec.json.decode(body, type=kind, strict=True)
    except msgspec.ValidationError as error:
        raise BadOrder(_mended(str(error), kind)) from error
    except msgspec.DecodeError as error:
        raise BadOrder("the body is not JSON") from error


def _mended(message: str, kind: type[Order]) -> str:
    fields = ", ".join(field.name for field in msgspec.structs.fields(kind))
    return f"{message}; the fields are {fields}"


def _app(configuration: Configuration, name: str) -> App:
    app = configuration.app(name)
    if app is None:
        near = difflib.get_close_matches(name, [known.name for known in configuration.apps], n=1, cutoff=0.0)
        raise BadOrder(f"app: no application of this name; did you mean {near[0]!r}?")
    return app
