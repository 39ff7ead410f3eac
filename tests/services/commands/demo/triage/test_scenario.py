"""The triage play: who says what, what is exchanged for thumbs, and what the bad version learns."""

import msgspec
import pytest

from schemas.configuration import Configuration
from schemas.configuration_parser import expand_variables, parse_configuration
from services.commands.demo.acts import spoilt_row
from services.commands.demo.programme import PLAYS, NoSuchPlay, play_named


def read(text: str) -> Configuration:
    return parse_configuration(expand_variables(text, {}))


def test_users_correct_or_give_thumbs_after_a_history_of_corrections() -> None:
    play = play_named("triage")
    corrections, thumbs = play.scenario(), play.scenario("thumbs")
    assert {prompt.judged("{}").score for prompt in thumbs.shifted} == {0.0}
    assert all(prompt.judged("{}").correction for prompt in corrections.shifted)
    assert all(prompt.known.correction for prompt in thumbs.history)


def test_history_and_live_traffic_share_no_report() -> None:
    scenario = play_named("triage").scenario()
    history = {msgspec.json.encode(prompt.messages) for prompt in scenario.history}
    live = {msgspec.json.encode(prompt.messages) for prompt in (*scenario.earlier, *scenario.shifted)}
    held_out = {msgspec.json.encode(p.messages) for p in (*scenario.held_out_earlier, *scenario.held_out_shifted)}
    assert not history & live
    assert not held_out & (history | live)


@pytest.mark.parametrize("app", sorted(PLAYS))
def test_every_play_has_an_app_with_training_and_rollout_in_its_configuration(app: str) -> None:
    play = play_named(app)
    configuration = read(play.configuration.read_text())
    known = configuration.app(app)
    assert known is not None
    assert configuration.training_of(app).steps < 100
    assert configuration.rollout_of(app).steps


def test_what_thumbs_exchange_stands_in_the_configuration_and_makes_it_kto() -> None:
    play = play_named("triage")
    text = play.configuration.read_text()
    for old, new in play.scenario("thumbs").relearn.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    policy = read(text).training_of("triage")
    assert (policy.method, policy.learning_rate) == ("kto", 2.0e-4)


def test_the_bad_version_learns_wrong_answers() -> None:
    triage, guard = play_named("triage").scenario().flipped[0], play_named("prompt-guard").scenario().flipped[0]
    written, chosen = spoilt_row(triage), spoilt_row(guard)
    assert triage.worth(str(written["answer"])) < 1
    assert guard.worth(str(chosen["label"])) == 0
    assert set(written) == {"messages", "answer"}


def test_a_play_that_is_not_there_is_named() -> None:
    with pytest.raises(NoSuchPlay, match="--app chess: there are prompt-guard and triage"):
        play_named("chess")
    with pytest.raises(NoSuchPlay, match="--feedback thumbs: here users give labels"):
        play_named("prompt-guard").scenario("thumbs")
