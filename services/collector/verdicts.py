"""What was taken and what was not, element by element. Pure."""

from dataclasses import dataclass

from schemas.record import Record


class Rejected(ValueError):
    """An element can't be taken; the message is its reason and has no payload text."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An element that was not taken."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The elements of one request. Valid ones are taken whatever becomes of the others."""

    records: tuple[Record, ...]
    rejections: tuple[Rejection, ...]

    @property
    def status(self) -> int:
        """202 all taken, 207 some, 400 none."""
        if not self.rejections:
            return 202
        return 207 if self.records else 400
