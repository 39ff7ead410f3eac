"""What a letter holds of a message that nobody looked at on its way in."""

import json
from pathlib import Path

import pytest

from schemas.configuration import App, Privacy
from schemas.privacy import Policy
from schemas.topics import FEEDBACK_GIVEN, METRICS_WINDOW_CLOSED
from services.privacy.policies import Policies
from services.sink.withholding import Withholding

MAIL = b"jane.doe@example.com"


def withholding(folder: Path, **policies: Policy) -> Withholding:
    apps = [App(name=name, base_model="b", privacy=Privacy(policy=policy)) for name, policy in policies.items()]
    return Withholding(Policies(apps, folder))


def told(app: str) -> bytes:
    return json.dumps({"app": app, "request_id": 7, "comment": f"ask {MAIL.decode()}"}).encode()


@pytest.mark.parametrize(
    ("policy", "kept"), [("off", told("a")), ("mask", told("a").replace(MAIL, b"[EMAIL]")), ("drop-text", b"")]
)
def test_a_letter_is_under_the_policy_of_the_app_that_it_names(tmp_path: Path, policy: Policy, kept: bytes) -> None:
    assert withholding(tmp_path, a=policy, b="mask").letter(FEEDBACK_GIVEN.name, told("a")) == kept


def test_a_letter_that_names_no_app_of_ours_is_under_the_strictest(tmp_path: Path) -> None:
    two = withholding(tmp_path, a="off", b="drop-text")

    assert two.letter(FEEDBACK_GIVEN.name, told("stranger")) == b""
    assert two.letter(FEEDBACK_GIVEN.name, b"not JSON, of " + MAIL) == b""
    assert withholding(tmp_path, a="off").letter(FEEDBACK_GIVEN.name, MAIL) == MAIL


def test_bytes_that_are_no_text_and_hold_nothing_private_stay_byte_for_byte(tmp_path: Path) -> None:
    odd = bytes(range(256)) * 3

    assert withholding(tmp_path, a="mask").letter(FEEDBACK_GIVEN.name, odd) == odd
    assert withholding(tmp_path, a="mask").letter(FEEDBACK_GIVEN.name, b"\xff " + MAIL) == b"\xff [EMAIL]"
    assert withholding(tmp_path, a="mask").letter(FEEDBACK_GIVEN.name, None) is None


def test_a_processors_own_message_is_a_letter_as_it_is(tmp_path: Path) -> None:
    assert withholding(tmp_path, a="drop-text").letter(METRICS_WINDOW_CLOSED.name, told("a")) == told("a")
