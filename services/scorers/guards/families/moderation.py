"""OpenAI's moderation form (/v1/moderations), which others serve too: a score a category, no template, no tokens."""

from collections.abc import Mapping, Sequence

import msgspec

from schemas.guards import GuardSide
from services.scorers.guards.asking import Conversation, Verdict
from services.scorers.guards.hazards import codes_of, hazards_of
from services.scorers.guards.template import shortened, sound
from services.scorers.remote.asking import Asker, NoAnswer


class _Result(msgspec.Struct, frozen=True):
    flagged: bool = False
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Results(msgspec.Struct, frozen=True):
    results: tuple[_Result, ...]


class Moderation:
    """The score is the highest of the categories'; a server that gives none is read by what it flags.

    Args:
        asker: Of the endpoint.
        model: What it calls the moderation.
        threshold: Score from which a category is named.
        categories: Hazards to keep; empty means all.
        characters: Of a text at most; more are cut from its middle.
    """

    source = "OpenAI's moderation guide (omni-moderation), or whatever the endpoint serves in its form"
    blind_spots = (
        "sees one text without the conversation; scores are not probabilities and change with the provider's model; no "
        "privacy, property, advice or defamation"
    )

    def __init__(
        self, asker: Asker, *, model: str, threshold: float, categories: Sequence[str] = (), characters: int
    ) -> None:
        self._asker = asker
        self._model = model
        self._threshold = threshold
        self._kept = frozenset(codes_of("openai-moderation", categories))
        self._characters = characters

    def judge(self, side: GuardSide, conversations: Sequence[Conversation]) -> list[tuple[Verdict, ...]]:
        """Return the worst category of each conversation's last turn."""
        return [(verdict,) for verdict in self._asker.each(self._moderated, [one[-1].text for one in conversations])]

    def _moderated(self, text: str) -> Verdict:
        body = {"model": self._model, "input": shortened(sound(text), self._characters)}
        given = self._asker.tried("moderations", body, _Results)
        if isinstance(given, NoAnswer):
            return Verdict(None, unjudged=str(given))
        if not given.results:
            return Verdict(None, unjudged="the endpoint's answer has no result")
        return self._verdict(_scores(given.results[0]))

    def _verdict(self, scores: Mapping[str, float]) -> Verdict:
        kept = {code: score for code, score in scores.items() if not self._kept or code in self._kept}
        if not kept:
            return Verdict(None, unjudged="the endpoint's answer names no category")
        named = [code for code, score in kept.items() if score >= self._threshold]
        return Verdict(max(kept.values()), hazards_of("openai-moderation", named))


def _scores(result: _Result) -> dict[str, float]:
    """A category that the model does not know for this kind of input is null."""
    given = {code: score for code, score in result.category_scores.items() if score is not None}
    return given or {code: float(bool(flagged)) for code, flagged in result.categories.items()}
