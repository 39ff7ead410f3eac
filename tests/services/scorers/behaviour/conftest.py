"""The scorers of behaviour, loaded once."""

import pytest

from services.scorers.behaviour.catalogue import BEHAVIOUR_SCORERS, BehaviourSettings, behaviour_scorers
from services.scorers.behaviour.language.identifier import Identifier
from services.scorers.contract import Scorer


@pytest.fixture(scope="session")
def scorers() -> dict[str, Scorer]:
    """Every scorer by name, no app having a reference or a form."""
    return dict(zip(BEHAVIOUR_SCORERS, behaviour_scorers(BehaviourSettings()), strict=True))


@pytest.fixture(scope="session")
def identifier() -> Identifier:
    """A loaded identifier of languages."""
    return Identifier()
