"""What an adapter version saw when it was trained: the yardstick of its drift."""

import msgspec

ROUNDING = 1e-6
"""Scores that lie no further apart are the same: another batch size gives them so."""


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Binned distribution: proportions[i] lies in [edges[i], edges[i+1]), the ends are open.

    `len(proportions) == len(edges) + 1`: inner edges only, at quantiles of the reference.

    Attributes:
        count: Values that it was made of, and a sign that its edges stand off values that repeat; 0 where neither is
            known.
    """

    edges: tuple[float, ...]
    proportions: tuple[float, ...]
    count: int = 0

    def __post_init__(self) -> None:
        if len(self.proportions) != len(self.edges) + 1:
            raise ValueError(
                f"{len(self.edges)} edges need {len(self.edges) + 1} proportions, got {len(self.proportions)}"
            )


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Stored as reference.json beside the adapter.

    Attributes:
        version: The adapter version it belongs to.
        embedding: Name of the embedding model of the centroids.
        centroids: Unit vectors, (k, dimensions): k-means centres of the training prompts.
        histograms: By score name (schemas.metrics.SCORES), over held-out prompts of training time.
        scorers: By score name, who gave the scores of its histogram, with version; scores of another are not compared
            with it. Where nobody is named any may be.
    """

    version: str
    embedding: str
    centroids: tuple[tuple[float, ...], ...]
    histograms: dict[str, Histogram]
    scorers: dict[str, str] = {}
