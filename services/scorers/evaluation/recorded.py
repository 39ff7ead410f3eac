"""A user's own recorded calls with feedback become a data set. One query.

A call is bad when someone named a bad label for it (schemas.feedback.FeedbackGiven), or scored it below one half;
with several opinions, when most people say so. Of each person that counts which stands (docs/feedback.md), a rating
as a score. Calls without text and labels that say neither are left out.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from schemas.inference import Context, Message
from services.clients.warehouse.client import Warehouse
from services.scorers.contract import Subject
from services.scorers.evaluation.examples import DataSet, Labelled
from services.scorers.evaluation.labels import UnknownLabel, bad
from services.scorers.evaluation.reading import Unreadable

MOST = 20_000

_JUDGED = """
SELECT
    r.request_id AS request_id,
    any(r.messages) AS messages,
    any(r.output) AS output,
    any(r.contexts) AS contexts,
    any(r.finish_reason) AS finish_reason,
    any(r.adapter_version) AS adapter_version,
    any(JSONExtractString(r.tags, 'slice')) AS slice,
    groupArray((
        if(j.verdict_by IN ('score', 'rating'), '', ifNull(j.label, '')),
        ifNull(if(j.verdict_by = 'rating', (j.rating - 1) / 4, j.score), -1.)
    )) AS opinions
FROM (SELECT * FROM responses FINAL WHERE app = {app:String} AND variant != 'shadow') AS r
INNER JOIN (SELECT * FROM judgements WHERE app = {app:String}) AS j ON r.request_id = j.request_id
WHERE r.occurred_at >= {since:DateTime64(3, 'UTC')}
GROUP BY r.request_id
ORDER BY cityHash64(r.request_id)
LIMIT {most:UInt64}
"""


def recorded_data_set(
    warehouse: Warehouse, app: str, *, since: datetime, positive: Collection[str] = (), most: int = MOST
) -> DataSet:
    """Return an app's calls since an instant that have feedback, at most `most`, chosen by a hash of their ids.

    Raises:
        WarehouseError: The warehouse did not answer the query.
        Unreadable: There are none that can be judged.
    """
    found = warehouse.query(_JUDGED, {"app": app, "since": since, "most": most})
    examples = tuple(example for row in found if (example := _example(app, row, positive)) is not None)
    if not examples:
        ending = f"; none of the {len(found)} with feedback says bad or good: say --positive LABEL" if found else ""
        raise Unreadable(f"{app}: no recorded calls with feedback since {since:%Y-%m-%d}{ending}")
    return DataSet(name=f"{app}, recorded calls", relation="yours", examples=examples)


def _example(app: str, row: Mapping[str, object], positive: Collection[str]) -> Labelled | None:
    messages = msgspec.json.decode(str(row["messages"]), type=tuple[Message, ...])
    output = msgspec.json.decode(str(row["output"]), type=Message | None)
    contexts = msgspec.json.decode(str(row["contexts"]), type=tuple[Context, ...])
    verdict = _verdict(msgspec.convert(row["opinions"], list[tuple[str, float]]), positive)
    prompt = next((message.text for message in reversed(messages) if message.role == "user"), "")
    if verdict is None or not (prompt or output):
        return None
    subject = Subject(
        prompt=prompt,
        answer=output.text if output else "",
        messages=messages,
        output=output,
        contexts=tuple(context.text for context in contexts),
        finish_reason=str(row["finish_reason"]),
        app=app,
        adapter_version=str(row["adapter_version"]),
    )
    return Labelled(subject, verdict, kind=str(row["slice"]))


def _verdict(opinions: list[tuple[str, float]], positive: Collection[str]) -> bool | None:
    """Return what most opinions say; None when none says anything, or as many say the one as the other."""
    votes = Counter(vote for label, score in opinions if (vote := _vote(label, score, positive)) is not None)
    return None if votes[True] == votes[False] else votes[True] > votes[False]


def _vote(label: str, score: float, positive: Collection[str]) -> bool | None:
    if label:
        try:
            return bad(label, positive)
        except UnknownLabel:
            return None
    return None if score < 0 else score < 0.5
