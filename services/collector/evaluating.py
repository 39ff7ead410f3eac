"""From evaluations of OpenTelemetry to verdicts: each judged alone, on whatever it came."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.configuration import App
from schemas.record import Record
from services.collector.conventions.evaluations import Evaluation, evaluation_in, feedback_of
from services.collector.exports import JudgedExport
from services.collector.inbound import Admission
from services.collector.otlp.spans import ExportedLogs, LogRecord, Unreadable
from services.collector.verdicts import UNTAKEN, Rejected, Rejection, Verdicts, reason_of
from services.parts.access.admitted import Admitted


def judged_evaluations(
    evaluations: Iterable[Evaluation], admission: Admission, apps: Mapping[str, App], *, index: int, now: datetime
) -> tuple[list[Record], list[Rejection]]:
    """Return the records of evaluations and why others were not taken; `index` is of what they stand on."""
    records: list[Record] = []
    rejections: list[Rejection] = []
    for evaluation in evaluations:
        try:
            records.append(admission.from_elsewhere(feedback_of(evaluation, apps, now), now))
        except UNTAKEN as error:
            rejections.append(Rejection(index, reason_of(error)))
    return records, rejections


@dataclass(frozen=True, slots=True)
class LogJudge:
    """Who may come in.

    Attributes:
        answer_of: Returns the id of the answer that a span told of; empty where nobody knows.
    """

    admission: Admission
    apps: Mapping[str, App]
    answer_of: Callable[[str, str], str]

    def under(self, admitted: Admitted) -> "LogJudge":
        """Return the judge of one sender's log records."""
        return replace(self, admission=self.admission.under(admitted))

    def judged(self, logs: ExportedLogs, now: datetime) -> JudgedExport:
        """Return the verdicts on log records that are evaluations; all others are passed over."""
        records: list[Record] = []
        rejections: list[Rejection] = []
        left_out: Counter[str] = Counter()
        for index, log in enumerate(logs):
            try:
                evaluation = evaluation_in(_readable(log), self.answer_of)
            except UNTAKEN as error:
                rejections.append(Rejection(index, reason_of(error)))
                continue
            if evaluation is None:
                left_out["passed_over"] += 1
                continue
            taken, refused = judged_evaluations([evaluation], self.admission, self.apps, index=index, now=now)
            records += taken
            rejections += refused
        return JudgedExport(Verdicts(tuple(records), tuple(rejections)), left_out)


def _readable(log: LogRecord | Unreadable) -> LogRecord:
    if isinstance(log, Unreadable):
        raise Rejected(log.reason)
    return log
