"""What one costly scorer of one app met on one partition, and the chances that follow from it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from schemas.cascade import MINUTE_S, Cascade, SamplingChanged
from schemas.ids import derived_id
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.scoring.budget import LEAST, Budget, Chances, Load, chances, moved
from stream_processors.scoring.cascade import Schedule

ADAPT_S = 10.0
AHEAD_S = 60.0
LEAST_AHEAD = 256
_SMOOTHING = 0.5
_DAY = timedelta(days=1)


class Place(NamedTuple):
    """Where chances hold: one scorer of one app on one partition."""

    source: Source
    app: str
    scorer: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a lane may spend.

    Attributes:
        sample: Bound on every chance: the scorer's configured share.
        budget: This lane's part.
        usd_a_call: Price of a call; 0 where it has none.
    """

    sample: float
    budget: Budget
    usd_a_call: float = 0.0

    @classmethod
    def of(cls, cascade: Cascade, *, sample: float, usd_a_call: float, partitions: int) -> "Terms":
        """Return a lane's part of what a configuration allows for all partitions."""
        calls, usd = cascade.calls_per_minute, cascade.usd_per_day
        budget = Budget(
            base=cascade.rest,
            calls_a_minute=None if calls is None else calls / partitions,
            seconds_a_minute=cascade.seconds_per_minute / partitions,
            usd_a_day=None if usd is None else usd / partitions,
        )
        price = usd_a_call if cascade.usd_per_call is None else cascade.usd_per_call
        return cls(sample, budget, price)

    @property
    def first(self) -> Chances:
        """The chances before anything is known of the load."""
        return self.bounded(Chances(1.0, self.budget.base))

    def bounded(self, found: Chances) -> Chances:
        """Return chances within the configured share."""
        return Chances(max(LEAST, found.suspicious * self.sample), max(LEAST, found.rest * self.sample))


@dataclass(slots=True)
class _Met:
    """Since the last change."""

    begin: datetime | None = None
    last: Delivery | None = None
    calls: int = 0
    looked: int = 0
    suspicious: int = 0
    judged: int = 0
    busy_s: float = 0.0

    @property
    def span_s(self) -> float:
        """By the log's clock."""
        if self.begin is None or self.last is None:
            return 1.0
        return max(1.0, (self.last.logged_at - self.begin).total_seconds())


@dataclass(slots=True)
class Lane:
    """One place's schedule, and what the next change is made of.

    Attributes:
        until: The offset behind the last one that chances have been written for.
        fixed_until: Before it nothing may change: a process before this one may have read up to there.
        usd_today: Cost on `day`.
    """

    place: Place
    terms: Terms
    schedule: Schedule
    number: int = 0
    until: int = 0
    fixed_until: int = 0
    day: datetime | None = None
    usd_today: float = 0.0
    _met: _Met = field(default_factory=_Met)
    _rates: tuple[float, float] | None = None
    _seconds_a_call: float = 0.0
    _changed_at: datetime | None = None
    _read: int = 0

    @classmethod
    def resumed(cls, place: Place, terms: Terms, changes: Iterable[SamplingChanged]) -> "Lane":
        """Return a lane with what was written of it before."""
        known = sorted(changes, key=lambda change: change.number)
        pairs = ((change.offset_from, Chances(change.suspicious, change.rest)) for change in known)
        lane = cls(place, terms, Schedule.of(terms.first, pairs))
        if known:
            last = known[-1]
            lane.number, lane.usd_today, lane.day = last.number + 1, last.usd_today, _day(last.occurred_at)
            lane.until = lane.fixed_until = max(change.offset_until for change in known)
        return lane

    def saw(self, delivery: Delivery, *, looked: bool, suspicious: bool) -> None:
        """Take down a call, and what cheap scorers say of it where they looked."""
        met = self._met
        met.begin, met.last = met.begin or delivery.logged_at, delivery
        met.calls += 1
        met.looked += looked
        met.suspicious += suspicious
        self._read = delivery.offset + 1

    def judged(self, calls: int, busy_s: float, now: datetime) -> None:
        """Take down what was judged, the time that took, and what it costs."""
        if not calls:
            return
        self._met.judged += calls
        self._met.busy_s += busy_s
        self._seconds_a_call = _smoothed(self._seconds_a_call or None, busy_s / calls)
        if self.day != _day(now):
            self.day, self.usd_today = _day(now), 0.0
        self.usd_today += calls * self.terms.usd_a_call

    def change(self, first: int, last: int, now: datetime, topic_id: str) -> SamplingChanged | None:
        """Return what must be in the log before the calls of some offsets are looked at; None where nothing must.

        Args:
            first: Offset of the first of them.
            last: Of the last one.
        """
        begin = max(first, self._read, self.fixed_until, self.schedule.until + 1)
        if begin > last:
            return None
        must = last >= self.until
        due = self._changed_at is None or (now - self._changed_at).total_seconds() >= ADAPT_S
        if not (must or due):
            return None
        wanted = self._wanted(now)
        if not moved(self.schedule.last, wanted):
            if not must:
                return None
            wanted = self.schedule.last
        return self._write(wanted, begin, last + 1 + self._ahead, now, topic_id)

    @property
    def _ahead(self) -> int:
        """Offsets that calls are expected at within AHEAD_S."""
        return max(LEAST_AHEAD, round(AHEAD_S * self._met.calls / self._met.span_s))

    def _wanted(self, now: datetime) -> Chances:
        met = self._met
        if met.last is None:
            return self.schedule.last
        suspects = met.suspicious / met.looked if met.looked else 0.0
        rate = met.calls / met.span_s
        before = self._rates or (rate * suspects, rate * (1 - suspects))
        self._rates = _smoothed(before[0], rate * suspects), _smoothed(before[1], rate * (1 - suspects))
        spent = self.usd_today if self.day == _day(now) else 0.0
        load = Load(
            suspicious=self._rates[0],
            rest=self._rates[1],
            age_s=max(0.0, (now - met.last.logged_at).total_seconds() - ADAPT_S),
            seconds_a_call=self._seconds_a_call,
            usd_a_call=self.terms.usd_a_call,
            usd_left=(self.terms.budget.usd_a_day or 0.0) - spent,
            day_left_s=max(MINUTE_S, (_day(now) + _DAY - now).total_seconds()),
        )
        return self.terms.bounded(chances(self.terms.budget, load))

    def _write(self, found: Chances, begin: int, end: int, now: datetime, topic_id: str) -> SamplingChanged:
        source, app, scorer = self.place
        met = self._met
        change = SamplingChanged(
            event_id=derived_id("sampling", app, scorer, *source, topic_id, begin, self.number),
            occurred_at=now,
            app=app,
            scorer=scorer,
            source_topic=source.topic,
            source_topic_id=topic_id,
            source_partition=source.partition,
            offset_from=begin,
            offset_until=end,
            number=self.number,
            suspicious=found.suspicious,
            rest=found.rest,
            calls=met.calls,
            suspicious_calls=met.suspicious,
            judged=met.judged,
            busy_s=met.busy_s,
            usd_today=self.usd_today if self.day == _day(now) else 0.0,
        )
        self.schedule.change(begin, found)
        self.schedule.forget(self._read)
        self.number, self.until = self.number + 1, end
        self._changed_at, self._met = now, _Met()
        return change


def by_place(changes: Iterable[SamplingChanged], topic_ids: Mapping[str, str]) -> dict[Place, list[SamplingChanged]]:
    """Return the changes of each place, without those of topics that were re-created since."""
    found: dict[Place, list[SamplingChanged]] = {}
    for change in changes:
        if topic_ids.get(change.source_topic) == change.source_topic_id:
            place = Place(Source(change.source_topic, change.source_partition), change.app, change.scorer)
            found.setdefault(place, []).append(change)
    return found


def _smoothed(before: float | None, now: float) -> float:
    return now if before is None else (1 - _SMOOTHING) * before + _SMOOTHING * now


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
