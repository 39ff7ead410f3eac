"""Field F1: right fields count, missing and invented ones cost, and what is no object is worth nothing."""

import pytest

from services.commands.demo.triage.marks import field_f1

RIGHT = {"category": "jailbreak", "severity": "high"}


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        ('{"category":"jailbreak","severity":"high"}', 1.0),
        ('{"severity": "high", "category": "jailbreak"}', 1.0),
        ('{"category":"jailbreak","severity":"low"}', 0.5),
        ('{"category":"benign","severity":"none"}', 0.0),
        ('{"category":"jailbreak"}', 2 / 3),
        ('{"category":"jailbreak","severity":"high","why":"because"}', 4 / 5),
        ('{"category":"jailbreak","severity":"hi', 0.0),
        ('["jailbreak","high"]', 0.0),
        ("{}", 0.0),
        ("", 0.0),
    ],
)
def test_an_answer_is_worth_the_f1_of_its_fields(answer: str, worth: float) -> None:
    assert field_f1(answer, RIGHT) == pytest.approx(worth)


def test_nothing_wanted_and_nothing_given_is_right() -> None:
    assert field_f1("{}", {}) == 1.0
