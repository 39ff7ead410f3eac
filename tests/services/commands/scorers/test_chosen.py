"""What a command's scorers are loaded in knows the apps, as the processors' does."""

from dataclasses import replace
from pathlib import Path

from schemas.scoring import ScorerEntry
from schemas.settings import Settings
from services.commands.scorers.chosen import workshop_of
from services.scorers.catalogue import load
from services.scorers.contract import Subject

APPS = """
apps:
  - {name: bot, base_model: tiny, answers: {pattern: "[0-9]+"}}
  - {name: other, base_model: tiny}
"""


def settings(folder: Path) -> Settings:
    return replace(Settings.from_environment({}), data=folder / "data", configuration=folder / "driftloop.yaml")


def test_the_form_that_an_app_asks_for_is_what_its_recorded_answers_are_held_against(tmp_path: Path) -> None:
    (tmp_path / "driftloop.yaml").write_text(APPS)
    scorer = load(ScorerEntry(name="format"), workshop_of(settings(tmp_path)))

    answers = [Subject(prompt="?", answer=said, app=app) for app in ("bot", "other") for said in ("42", "many")]

    assert [row[0].value for row in scorer.score(answers)] == [1.0, 0.0, None, None]


def test_a_deployment_without_a_configuration_has_no_apps(tmp_path: Path) -> None:
    assert workshop_of(settings(tmp_path)).apps == ()
