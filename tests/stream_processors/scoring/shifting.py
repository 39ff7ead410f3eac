"""A user's own scorer whose version, and with it every score, stands in the environment."""

import os

from services.scorers.contract import Scorer
from services.scorers.offers import Wanted
from tests.services.scorers.anchoring.versions import ShiftedScorer


def make(wanted: Wanted) -> Scorer:
    version = os.environ["TEST_SCORER_VERSION"]
    return ShiftedScorer(version, shift=float(version) / 10, name="mine")
