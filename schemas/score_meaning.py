"""What a score means, for people and monitors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreMeaning:
    """What a score tells.

    Attributes:
        meaning: One clause for people.
        unit: Of the value.
        flagged: The label whose share is worth watching; empty for plain measures.
        flagging: Who gives that label to what, for people.
    """

    meaning: str
    unit: str
    flagged: str = ""
    flagging: str = ""
