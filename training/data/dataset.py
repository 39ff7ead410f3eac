"""What a version is made of: curated examples, their split, and the account of how they were chosen."""

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

from schemas.feedback import FeedbackGiven
from schemas.inference import Message, ToolDeclared

Split = Literal["train", "validation", "holdout"]
# What an example teaches: a label of a classifier, an answer to give, one that was wanted or not, or of two the better.
Kind = Literal["label", "target", "wanted", "unwanted", "pair"]


class LabelledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A request with every label that feedback gave it and nobody took back, as the warehouse has it.

    Attributes:
        labels: Distinct labels, sorted.
        judgements: Who gave which of them, of each person the one that stands.
        slice: The request's slice tag, empty without one.
        offsets: Where its messages stood: "topic/partition" to offset.
    """

    request_id: str
    messages: tuple[Message, ...]
    labels: tuple[str, ...]
    slice: str
    occurred_at: datetime
    offsets: dict[str, int]
    judgements: tuple[FeedbackGiven, ...] = ()


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt with what is to be learnt of it.

    Attributes:
        prompt: Text of the last user message, personal data masked.
        label: The right label of an app that classifies; empty for the others.
        recent: Whether it belongs to the traffic that the order is about.
        kind: What it teaches.
        answer: The answer to give, or the one that was wanted or not; of a pair the better one.
        rejected: Of a pair the worse one.
        tools: What the call declared.
        response_schema: JSON Schema that the call asked its answer to keep to; nothing is learnt of it.
        weight: What it counts in training, 0 to 1.
        trust: In whoever judged it, 0 to 1; of several people in the most trusted.
    """

    request_id: str
    messages: tuple[Message, ...]
    prompt: str
    label: str
    slice: str
    recent: bool
    split: Split
    kind: Kind = "label"
    answer: Message | None = None
    rejected: Message | None = None
    tools: tuple[ToolDeclared, ...] = ()
    response_schema: str = ""
    weight: float = 1.0
    trust: float = 1.0

    @property
    def chat(self) -> list[dict[str, str]]:
        """The messages as a chat template takes them."""
        return [{"role": message.role, "content": message.text} for message in self.messages]

    @property
    def digest(self) -> str:
        """SHA-256 of everything that training reads of it."""
        return hashlib.sha256(
            msgspec.json.encode(
                (
                    *(self.messages, self.label, self.slice, self.recent, self.split),
                    *(self.kind, self.answer, self.rejected, self.tools, self.weight),
                )
            )
        ).hexdigest()


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Examples of all splits in their order, and the account of curation.

    Attributes:
        removed: Rows taken out, by reason.
        masked: Entities of personal data that were masked.
        offsets: Last offset of each source partition that curation saw.
        recent_since: From when traffic counts as recent.
    """

    examples: tuple[Example, ...]
    removed: dict[str, int]
    masked: int
    offsets: dict[str, int]
    recent_since: datetime

    def of(self, split: Split) -> list[Example]:
        """Return the examples of a split."""
        return [example for example in self.examples if example.split == split]

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of the examples in order: the dataset's identity."""
        return hashlib.sha256("".join(example.digest for example in self.examples).encode()).hexdigest()


class ManifestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One example without its text."""

    request_id: str
    digest: str
    label: str
    slice: str
    recent: bool
    split: Split
    kind: Kind = "label"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """dataset.json beside the adapter: what it was made of, by ids and hashes, no text."""

    dataset_hash: str
    recent_since: datetime
    removed: dict[str, int]
    masked: int
    offsets: dict[str, int]
    rows: tuple[ManifestRow, ...]


def manifest_of(dataset: Dataset) -> Manifest:
    """Return the account of a dataset that may be kept for ever."""
    return Manifest(
        dataset_hash=dataset.digest,
        recent_since=dataset.recent_since,
        removed=dataset.removed,
        masked=dataset.masked,
        offsets=dataset.offsets,
        rows=tuple(
            ManifestRow(
                request_id=example.request_id,
                digest=example.digest,
                label=example.label,
                slice=example.slice,
                recent=example.recent,
                split=example.split,
                kind=example.kind,
            )
            for example in dataset.examples
        ),
    )
