"""Has a judge compare a shadow's answer with the one that the user got, in both orders."""

from collections.abc import Mapping

from schemas.scoring import Endpoint
from services.rollout.evidence.compared import Outcome
from services.rollout.pairwise.watches import AnsweredTwice
from services.scorers.remote.asking import NoAnswer
from services.scorers.remote.pairs import Better, PairChat, agreed, quoted

_OUTCOMES: Mapping[Better, Outcome] = {"first": Outcome.WON, "second": Outcome.LOST, "tie": Outcome.TIED}


def unset(endpoint: Endpoint, environment: Mapping[str, str]) -> str:
    """Return the environment variable that an endpoint names and that is not set; empty when all are."""
    named = (endpoint.url_env, endpoint.key_env)
    return next((name for name in named if name and not environment.get(name)), "")


class PairAsker:
    """One policy's judge. Used from several threads."""

    def __init__(self, endpoint: Endpoint, environment: Mapping[str, str]) -> None:
        self._judge = PairChat(endpoint, environment, endpoint.rubric)

    def outcome(self, pair: AnsweredTwice) -> Outcome:
        """Return whose answer is better; a pair without two clear words is not judged, and nobody's loss."""
        try:
            forth = self._judge.better(quoted(pair.conversation, pair.candidate, pair.stable))
            back = self._judge.better(quoted(pair.conversation, pair.stable, pair.candidate))
        except NoAnswer:
            return Outcome.UNJUDGED
        return _OUTCOMES[agreed(forth, back)]
