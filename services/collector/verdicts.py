"""What was taken and what was not, element by element. Pure."""

from dataclasses import dataclass

from schemas.record import Record

# What a value that nobody foresaw can raise while an element is read: never a reason to lose its neighbours.
UNTAKEN = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)


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
    def rejected(self) -> int:
        """How many elements were not taken, or not whole: several evaluations may stand on one span."""
        return len({rejection.index for rejection in self.rejections})

    @property
    def status(self) -> int:
        """202 all taken, 207 some, 400 none."""
        if not self.rejections:
            return 202
        return 207 if self.records else 400


def reason_of(error: Exception) -> str:
    """Return why an element was not taken, without anything of its texts."""
    return str(error) if isinstance(error, Rejected) else f"not readable: {type(error).__name__}"
