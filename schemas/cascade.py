"""How calls are chosen for a scorer that costs more than to see all of them, and what was chosen when.

`cascade:` of a scorer in driftloop.yaml, and the event by which its sampling can be followed and repeated.
"""

from typing import Annotated

import msgspec

from schemas.record import Count, Identifier, Name, Record
from schemas.section import Section, Share, Usd

SLOTS = 32
"""So many changes of one place outlive compaction: many more than lie between a commit and the present."""
MINUTE_S = 60.0
Chance = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Cascade(Section, frozen=True, kw_only=True):
    """Which calls a scorer sees whose cost is `model` or `remote`: all that are suspicious, and of the rest a sample.

    Attributes:
        suspects: Cheap scores that make a call suspicious; empty means every one that says unsafe.
        suspect_from: Value of such a score from which a call is suspicious; unset means its label says so.
        rest: Chance of a call that is not suspicious.
        calls_per_minute: How many calls it judges, all partitions together; unset means as many as it can.
        seconds_per_minute: How much of each minute it works, in each process.
        usd_per_day: What it costs, by UTC days.
        usd_per_call: What a call costs; unset means what its endpoint says.
    """

    suspects: tuple[str, ...] = ()
    suspect_from: float | None = None
    rest: Share = 0.05
    calls_per_minute: Annotated[float, msgspec.Meta(gt=0)] | None = None
    seconds_per_minute: Annotated[float, msgspec.Meta(gt=0, le=MINUTE_S)] = 54.0
    usd_per_day: Annotated[float, msgspec.Meta(gt=0)] | None = None
    usd_per_call: Usd | None = None


class SamplingChanged(Record, frozen=True, kw_only=True):
    """A scorer judges calls with these chances, from an offset of a partition on.

    Written by the guard processor before it uses them, and read by it after a restart, so that a call that
    is read again meets the chance that it met before. Without a later change they hold up to `offset_until`:
    so far, and no further, calls may have been read by the time that a restart reads this.

    Attributes:
        scorer: Its name in the configuration.
        source_topic_id: A re-created topic has another, and begins at offset 0.
        offset_from: First offset that the chances hold for.
        offset_until: The offset behind the last one that they are meant for.
        number: Of this change at its place, from 0.
        suspicious: Chance of a call that a cheap scorer finds suspicious.
        rest: Chance of any other call.
        calls: Read since the change before.
        suspicious_calls: Of those, as far as cheap scorers looked at them.
        judged: Calls that the scorer was shown since then.
        busy_s: Time it took for them.
        usd_today: What it has cost on the UTC day of this change, at this place.
    """

    scorer: Name
    source_topic: Identifier
    source_topic_id: Name
    source_partition: Count
    offset_from: Count
    offset_until: Count
    number: Count
    suspicious: Chance
    rest: Chance
    calls: Count = 0
    suspicious_calls: Count = 0
    judged: Count = 0
    busy_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    usd_today: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    @property
    def place(self) -> str:
        """Kafka key: the change SLOTS changes later may replace this one."""
        return "/".join(
            (self.app, self.scorer, self.source_topic, str(self.source_partition), str(self.number % SLOTS))
        )
