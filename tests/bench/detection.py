"""How often do the detectors err, and how late are they? Seeded streams, the methods side by side.

    python -m tests.bench.detection [--events 30000000] [--seed 2] [--limit 100000] [--table]

False alarms are counted over `--events` events of each kind of stream without drift; delays from the event of the
change on, after 1,000 events without one, medians over 400 streams (ADWIN's over 100). A stream of which a detector
tells nothing within 20,000 events counts as 20,000. The e-detector has the stream's mean for its baseline (known) or
learns it from the first 500 values (learnt); Page-Hinkley, ADWIN and PSI are at their defaults. PSI has references of
500 values, each judging 50 windows, by the resampled threshold and by 0.25.

Rows that are not `fair` break what every promise of the e-detector asks for: their mean, given what came before, is not
the baseline. They say what that costs.

Prints one JSON line (with `--table` the Markdown of docs/detection.md) and ends with 1 where an e-detector's false
alarms on a fair stream, upper 95 % bound, are above the limit's, or 10 to 20 % errors are told later than 300 events
(known) or 450 (learnt). At its baseline a mean raises four fifths of the alarms that are allowed, so the bound needs
some ten million events to fall below the limit's. The bets and the confidence were chosen on seed 1.
"""

import argparse
import json
import math
import sys
from dataclasses import asdict

import numpy as np
from scipy import stats

from schemas.false_alarms import FalseAlarms
from services.scorers.histograms import histogram
from stream_processors.detectors.population_stability import PopulationStability
from stream_processors.detectors.window_thresholds import threshold
from tests.bench.detection_detectors import Detector, adwin, known, learnt, page_hinkley
from tests.bench.detection_rows import DelayRow, FalseAlarmRow, markdown
from tests.bench.detection_streams import SHIFTS, STREAMS, Stream, errors

BEFORE, HORIZON = 1_000, 20_000
PER = 100_000
TURN = 10_000_000
REFERENCE, WINDOWS = 500, 50
SIZES = (100, 300, 1_000)
BARS = {"known": 300.0, "learnt": 450.0}


def false_alarms(name: str, kind: str, detector: Detector, *, events: int, seed: int) -> FalseAlarmRow:
    """Return the row of a detector on a kind of stream."""
    stream, turns = STREAMS[kind], max(1, round(events / TURN))
    streams = max(20, min(200, events // turns // 50_000))
    steps = max(1, events // (turns * streams * stream.batch))
    alarms = 0
    for turn in range(turns):
        dice = np.random.default_rng([seed, list(STREAMS).index(kind), turn])
        alarms += int(detector(stream.draw(steps, streams, dice), stream).sum())
    return _row(name, kind, stream.fair, turns * steps * streams * stream.batch, alarms)


def delays(name: str, before: float, after: float, detector: Detector, *, limit: float, seed: int) -> DelayRow:
    """Return the row of a detector on a shift of the error, abrupt and of all answers."""
    streams = 100 if name == "adwin" else 400
    found = np.full(streams, float(HORIZON))
    for horizon in (2_000, HORIZON):
        dice = np.random.default_rng([seed, round(before * 1000), round(after * 1000)])
        quiet, shifted = errors(before)(BEFORE, streams, dice), errors(after)(horizon, streams, dice)
        alarms = detector(np.concatenate([quiet, shifted]), Stream(before, errors(before)))[BEFORE:]
        told = alarms.any(axis=0)
        found = np.where(told, alarms.argmax(axis=0) + 1.0, HORIZON)
        if told.mean() >= 0.95:
            break
    divergence = after * math.log(after / before) + (1 - after) * math.log((1 - after) / (1 - before))
    return DelayRow(
        name, before, after, float(np.median(found)), float(np.quantile(found, 0.9)), math.log(limit) / divergence
    )


def windows(size: int, *, events: int, limit: float, seed: int) -> list[FalseAlarmRow]:
    """Return what PSI tells of windows without drift: uniform scores, by its own threshold and by 0.25."""
    dice, asked = np.random.default_rng([seed, size]), FalseAlarms(limit, timed=False)
    references = max(1, events // (size * WINDOWS))
    alarms = {"resampled": 0, "0.25": 0}
    for _ in range(references):
        psi = PopulationStability.against(histogram(dice.random(REFERENCE)))
        limits = {"resampled": threshold(psi, size, asked, seconds=30), "0.25": 0.25}
        places = np.searchsorted(psi.edges, dice.random((WINDOWS, size)), side="right")
        values = [psi.measure(np.bincount(row, minlength=len(psi.expected)).tolist()) for row in places]
        for name, above in limits.items():
            alarms[name] += sum(value > above for value in values)
    counted = references * WINDOWS * size
    return [_row(f"psi, {name}", f"windows of {size}", True, counted, count) for name, count in alarms.items()]


def _row(name: str, kind: str, fair: bool, events: int, alarms: int) -> FalseAlarmRow:
    upper = float(stats.chi2.ppf(0.95, 2 * (alarms + 1))) / 2
    return FalseAlarmRow(name, kind, fair, events, alarms, alarms / events * PER, upper / events * PER)


def _good(alarms: list[FalseAlarmRow], delayed: list[DelayRow], limit: float) -> bool:
    within = all(row.upper <= PER / limit for row in alarms if row.fair and row.detector.startswith("e-detector"))
    soon = all(
        row.median <= bar
        for row in delayed
        for name, bar in BARS.items()
        if (row.detector, row.before, row.after) == (f"e-detector, {name}", 0.1, 0.2)
    )
    return within and soon


def main() -> None:
    """Run all rows and print one line, or the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=30_000_000, help="of each kind of stream without drift")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--limit", type=float, default=100_000, help="events between two false alarms")
    parser.add_argument("--table", action="store_true", help="print Markdown instead")
    wanted = parser.parse_args()
    events, seed, limit = wanted.events, wanted.seed, wanted.limit
    upwards: dict[str, Detector] = {"e-detector, known": known(limit), "e-detector, learnt": learnt(limit)}
    others: dict[str, Detector] = {"page-hinkley": page_hinkley, "adwin": adwin}
    everywhere = {**upwards, "e-detector, known, two-sided": known(limit, two_sided=True), **others}
    alarms = [
        false_alarms(name, kind, detector, events=events, seed=seed)
        for kind in STREAMS
        for name, detector in everywhere.items()
    ]
    alarms += [row for size in SIZES for row in windows(size, events=min(events, 10_000_000), limit=limit, seed=seed)]
    delayed = [
        delays(name, *shift, detector, limit=limit, seed=seed)
        for shift in SHIFTS
        for name, detector in {**upwards, **others}.items()
    ]
    good = _good(alarms, delayed, limit)
    rows = {"false_alarms": [asdict(row) for row in alarms], "delays": [asdict(row) for row in delayed]}
    line = {"bench": "detection", "events": events, "seed": seed, "limit": limit, "good": good, **rows}
    print(markdown(alarms, delayed) if wanted.table else json.dumps(line))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
