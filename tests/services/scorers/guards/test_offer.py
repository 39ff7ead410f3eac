"""A guard named in driftloop.yaml: found by the catalogue, watched by monitors, told of where it is absent."""

from pathlib import Path

import pytest

from schemas.configuration_parser import parse_configuration
from schemas.guards import GuardSettings
from schemas.scoring import ScorerEntry, score_metrics
from services.scorers.catalogue import load, offer_of, process_of
from services.scorers.offers import ScorerUnavailable
from services.scorers.workshop import Workshop
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.test_factory import saved
from tests.services.scorers.guards.tiny import BOMB, subject_of

CONFIGURATION = """
apps: [{name: bot, base_model: b}]
scorers:
  - {name: watcher, threshold: 0.9, guard: {model: llama-guard-3, checkpoint: weights, device: cpu}}
monitors:
  - {name: harm, app: bot, metric: response.watcher_ratio, window: 1m, above: 0.1, then: [alert]}
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, tmp_path, lambda app, version: None, {})


def test_a_guard_of_the_configuration_judges_and_can_be_monitored(tmp_path: Path, workshop: Workshop) -> None:
    saved(tmp_path / "weights", templates.llama_guard_3())
    (entry,) = parse_configuration(CONFIGURATION).scorers
    assert process_of(entry) == "guard"
    assert {"prompt.watcher_ratio", "response.watcher.mean"} <= set(score_metrics([entry]))

    offer, scorer = offer_of(entry, workshop), load(entry, workshop)

    assert scorer.card.measures == offer.card.measures
    assert scorer.card.version != offer.card.version
    (row,) = scorer.score([subject_of(BOMB)])
    assert [score.name for score in row] == ["prompt.watcher", "response.watcher"]
    assert all(
        score.label == ("unsafe" if (score.value or 0) >= 0.9 else "safe") for score in row if not score.unjudged
    )


def test_a_guard_without_weights_is_described_and_says_what_it_lacks(workshop: Workshop) -> None:
    entry = ScorerEntry(name="watcher", guard=GuardSettings(model="prompt-guard-2", checkpoint="nobody/nothing"))
    assert offer_of(entry, workshop).card.side == "prompt"
    with pytest.raises(ScorerUnavailable, match=r"watcher: .*nobody/nothing"):
        load(entry, workshop)
