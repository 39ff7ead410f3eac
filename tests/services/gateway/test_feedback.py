"""Feedback: one or many, judged as a whole, on the spool before the 202."""

import httpx
import pytest

from schemas.feedback import FeedbackGiven
from tests.fixtures.waiting import PATIENCE_S
from tests.services.gateway.conftest import APP, Running, Start


def give(gateway: Running, content: bytes) -> httpx.Response:
    return httpx.post(f"{gateway.url}/v1/feedback", content=content, timeout=PATIENCE_S)


def test_one_judgement_is_taken(start: Start) -> None:
    gateway = start()
    response = give(gateway, b'{"request_id": "r1", "app": "prompt-guard", "label": "unsafe", "comment": "c"}')
    (event,) = gateway.events()
    assert isinstance(event, FeedbackGiven)
    assert response.status_code == 202
    assert response.json() == {"event_ids": [event.event_id]}
    assert (event.app, event.request_id, event.label, event.comment) == (APP, "r1", "unsafe", "c")


def test_many_judgements_are_taken_in_order(start: Start) -> None:
    gateway = start()
    response = give(gateway, b'[{"request_id": "r1", "score": 1}, {"request_id": "r2", "score": 0.25}]')
    assert [event.event_id for event in gateway.events()] == response.json()["event_ids"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"nonsense", 400),
        (b"[]", 400),
        (b'{"label": "safe"}', 400),
        (b'{"request_id": "r1"}', 400),
        (b'{"request_id": "r1", "score": 7}', 400),
        (b'{"request_id": "r1", "label": "perhaps"}', 400),
        (b'{"request_id": "r1", "label": "safe", "app": "nobody"}', 404),
        (b'[{"request_id": "r1", "score": 1}, {"request_id": "r2"}]', 400),
    ],
)
def test_bad_feedback_is_refused_as_a_whole(start: Start, content: bytes, status: int) -> None:
    gateway = start()
    response = give(gateway, content)
    assert response.status_code == status
    assert response.json()["error"]["message"]
    assert gateway.events() == []
