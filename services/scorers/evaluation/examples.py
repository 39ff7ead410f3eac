"""What scorers are judged on: calls of which it is known whether they are bad."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from schemas.evaluations import Relation
from services.scorers.contract import Card, Measure, Subject

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Labelled:
    """A call and the truth about it.

    Attributes:
        bad: Whether it is what a measure should find: an attack, harm, an ungrounded answer.
        kind: Category or source, for slices; empty where nobody says.
        language: Code of ISO 639-1; empty where nobody says, and then it is guessed.
    """

    subject: Subject
    bad: bool
    kind: str = ""
    language: str = ""

    @property
    def text(self) -> str:
        """What slices by language and length look at."""
        return self.subject.prompt or self.subject.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Labelled examples that are quoted under one name.

    Attributes:
        source: Where it is from, with licence, for people.
        about: What the labels tell, e.g. injection, as in the measure prompt.injection; empty: whatever a scorer finds.
    """

    name: str
    relation: Relation
    examples: tuple[Labelled, ...]
    source: str = ""
    about: frozenset[str] = frozenset()

    @property
    def harmless(self) -> bool:
        """Whether nothing in it is bad, so that there are only false alarms to tell."""
        return not any(example.bad for example in self.examples)

    @property
    def digest(self) -> str:
        """Hash of texts and labels in order: the same data, the same digits."""
        whole = hashlib.sha256()
        for example in self.examples:
            subject = example.subject
            for part in (subject.prompt, subject.answer, *subject.contexts, "bad" if example.bad else "good"):
                octets = part.encode(errors="surrogatepass")
                whole.update(len(octets).to_bytes(8, "big") + octets)
        return whole.hexdigest()[:_DIGITS]

    def judges(self, measure: Measure) -> bool:
        """Whether the labels say something of a measure."""
        if measure.direction == "neither":
            return False
        return not self.about or measure.name.partition(".")[2] in self.about

    def judged_measures(self, card: Card) -> tuple[Measure, ...]:
        """Return the measures of a scorer that the labels say something of."""
        return tuple(measure for measure in card.measures if self.judges(measure))

    def thinned(self, most: int, *, even: bool = False) -> "DataSet":
        """Return at most `most` examples, chosen by hash: the same each time.

        Args:
            most: How many.
            even: As many bad ones as good ones, if there are so many, in place of their share.
        """
        if len(self.examples) <= most:
            return self
        order = sorted(range(len(self.examples)), key=lambda place: _order(self.examples[place]))
        bad = [place for place in order if self.examples[place].bad]
        good = [place for place in order if not self.examples[place].bad]
        share = round(most * len(bad) / len(order))
        if even and bad and good:
            share = max(most - len(good), min(len(bad), most // 2))
        kept = sorted((*bad[:share], *good[: most - share]))
        return replace(self, examples=tuple(self.examples[place] for place in kept))


def prompts(rows: Iterable[tuple[str, bool, str]]) -> tuple[Labelled, ...]:
    """Return examples that are prompts alone: text, whether it is bad, kind."""
    return tuple(Labelled(Subject(prompt=text), bad, kind) for text, bad, kind in rows)


def _order(example: Labelled) -> bytes:
    text = "\0".join((example.subject.prompt, example.subject.answer))
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
