"""What every event carries, whoever emits it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True, description="UTC, millisecond resolution")]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Name = Annotated[str, msgspec.Meta(max_length=256)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Variant(StrEnum):
    """The role in which an adapter version answered a request."""

    STABLE = "stable"
    CANARY = "canary"
    SHADOW = "shadow"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A past-tense fact about one application. Base of every event.

    Unknown fields are ignored on decoding, so a newer producer may add some; wrong types are errors.

    Attributes:
        event_id: UUIDv7 when something happened, UUIDv8 when derived (see schemas.ids).
        occurred_at: When it happened by the emitter's clock, UTC.
        app: Logical application, the `model` name a client asks for.
        model: Base model's name.
        adapter_version: The LoRA version that answered, unique and never reused; empty for the base.
        variant: The role of that version at that moment.
        tenant: Customer of the application; empty when there is one.
    """

    event_id: Identifier
    occurred_at: Instant
    app: Identifier
    model: Name = ""
    adapter_version: Name = ""
    variant: Variant = Variant.STABLE
    tenant: Name = ""


class Series(msgspec.Struct, frozen=True, order=True):
    """What a metric is about. Windows, monitors and detectors keep one state for each series."""

    app: str
    adapter_version: str
    variant: str
    tenant: str = ""

    @property
    def key(self) -> bytes:
        """Kafka key of everything derived for this series, so that one worker sees all of it."""
        return "|".join((self.app, self.adapter_version, self.variant, self.tenant)).encode()


def series_of(record: Record) -> Series:
    """Return the series that a record belongs to."""
    return Series(record.app, record.adapter_version, str(record.variant), record.tenant)
