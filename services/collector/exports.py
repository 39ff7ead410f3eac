"""What became of one export over OTLP. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.collector.sightings import Sighting
from services.collector.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class JudgedExport:
    """The spans or log records of one export.

    Attributes:
        left_out: How many are nothing of ours (`passed_over`), or tell of a call that is on record already
            (`seen_by_gateway`, `seen_twice`).
        claims: Calls that are told of here for the first time; to be forgotten if the records aren't taken.
    """

    verdicts: Verdicts
    left_out: Mapping[str, int]
    claims: tuple[Sighting, ...] = ()
