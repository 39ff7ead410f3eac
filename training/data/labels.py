"""Which of the labels that people gave are learnt from: none given to spoil. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from schemas.feedback import FeedbackGiven
from schemas.inference import Message
from training.data.dataset import LabelledRow
from training.data.poison.claims import Claim, Embed
from training.data.poison.defence import poisoned
from training.data.poison.doubts import LabelJudge

Trusts = Callable[[str], float]


def honest(
    rows: Sequence[LabelledRow], embed: Embed, *, trusts: Trusts, seed: int, removed: Counter[str]
) -> list[LabelledRow]:
    """Return rows with the labels that are believed; rows that come without judgements stay as they are.

    Poisoned judgements are added to `removed` by reason; a row goes with its last label.

    Args:
        trusts: How much a source weighs, 0 to 1.
    """
    said = [(row, given) for row in rows for given in row.judgements]
    found = poisoned([_claim(row, given, trusts) for row, given in said], LabelJudge, embed, seed=seed)
    removed.update(found.values())
    labels: dict[str, set[str]] = {}
    for row, given in said:
        left = labels.setdefault(row.request_id, set())
        if given.event_id not in found and given.label:
            left.add(given.label)
    kept = []
    for row in rows:
        left = labels.get(row.request_id, set(row.labels))
        if left or not row.judgements:
            kept.append(msgspec.structs.replace(row, labels=tuple(sorted(left))))
    return kept


def prompt_of(messages: Sequence[Message]) -> str:
    """Return the text of the last user message, empty without one."""
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def _claim(row: LabelledRow, given: FeedbackGiven, trusts: Trusts) -> Claim:
    label = given.label or ""
    return Claim(
        judgement=given.event_id,
        user=f"{given.source}\0{given.user_id}" if given.user_id else "",
        trust=trusts(given.source),
        at=given.occurred_at,
        prompt=prompt_of(row.messages),
        answer=label,
        verdict=label,
        own=True,
    )
