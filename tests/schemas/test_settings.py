"""What the environment may say, and what it may not."""

import pytest

from schemas.settings import BadSetting, Settings


def test_an_empty_environment_is_a_laptop() -> None:
    settings = Settings.from_environment({})
    assert (settings.broker, settings.collector_when_full, settings.accept_poison) == (
        "kafka",
        "block",
        frozenset(),
    )
    assert (settings.spool_bytes, settings.ready_lag) == (512 * 1024 * 1024, 10_000)


def test_the_spool_and_the_bound_of_readiness_can_be_set() -> None:
    settings = Settings.from_environment(
        {
            "DRIFTLOOP_SPOOL_BYTES": "16777216",
            "DRIFTLOOP_COLLECTOR_WHEN_FULL": "drop-oldest",
            "DRIFTLOOP_READY_LAG": "5",
            "DRIFTLOOP_ACCEPT_POISON": "feedback.given.v1, scores.recorded.v2",
        }
    )
    assert (settings.spool_bytes, settings.collector_when_full, settings.ready_lag) == (16777216, "drop-oldest", 5)
    assert settings.accept_poison == {"feedback.given.v1", "scores.recorded.v2"}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DRIFTLOOP_SPOOL_BYTES", "lots", "not a whole number of at least 8388608: 'lots'"),
        ("DRIFTLOOP_SPOOL_BYTES", "1", "not a whole number of at least 8388608: '1'"),
        ("DRIFTLOOP_READY_LAG", "-1", "not a whole number of at least 0: '-1'"),
        ("DRIFTLOOP_COLLECTOR_WHEN_FULL", "drop", "'drop' is neither 'block' nor 'drop-oldest'"),
        ("DRIFTLOOP_ACCEPT_POISON", "feedback", "no topic is called 'feedback'"),
        ("DRIFTLOOP_SINK_PORT", "ninety", "not a port: 'ninety'"),
        ("DRIFTLOOP_KEYS", "maybe", "'maybe' is neither 'required' nor 'open'"),
        ("DRIFTLOOP_BROKER", "other", "'other' is neither 'kafka' nor 'light'"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(variable: str, value: str, said: str) -> None:
    with pytest.raises(BadSetting) as refused:
        Settings.from_environment({variable: value})
    assert str(refused.value) == f"{variable}: {said}"
