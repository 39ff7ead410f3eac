"""Alertmanager is Debian's; PagerDuty's and a messenger's side is an HTTP receiver that keeps what it is sent."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.configuration import Subscription
from services.parts.notices.channels import Channels
from services.parts.notices.failures import DeliveryFailed
from tests.fixtures.http import Served
from tests.fixtures.waiting import until
from tests.services.alerting.builders import alert
from tests.services.parts.notices import alertmanager

ALERTMANAGER = alertmanager.command()
PAGERS = Subscription(name="pagers", channel="pagerduty", secret_env="SECRET")


@contextmanager
def _channels(secret: str) -> Iterator[Channels]:
    with closing(Channels("http://localhost:18501", {"SECRET": secret})) as channels:
        yield channels


class Kept:
    """Answers 202 to whatever is posted, and keeps it."""

    def __init__(self) -> None:
        self.bodies = list[dict[str, Any]]()
        self.application = Starlette(routes=[Route("/{path:path}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        return Response(status_code=202)


@pytest.mark.skipif(ALERTMANAGER is None, reason="Debian's prometheus-alertmanager can't be fetched or started here")
def test_alertmanager_has_an_alert_until_it_is_resolved(tmp_path: Path) -> None:
    assert ALERTMANAGER is not None
    with alertmanager.running(ALERTMANAGER, tmp_path) as url, _channels("") as channels:
        subscription = Subscription(name="alertmanager", channel="alertmanager", url=f"{url}/")

        def active() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = httpx.get(f"{url}/api/v2/alerts").json()
            return found

        channels.deliver([alert(), alert("alert-2", severity="warning")], subscription, "digest-1")
        channels.deliver([alert()], subscription, "delivery-1")
        both = until(active, lambda found: len(found) == 2)
        assert {one["labels"]["severity"] for one in both} == {"critical", "warning"}
        assert both[0]["annotations"]["summary"].startswith("ALERT firing [")
        channels.deliver([alert(state="resolved")], subscription, "delivery-2")
        (left,) = until(active, lambda found: len(found) == 1)
        assert left["labels"]["severity"] == "warning"


def test_pagerduty_hears_of_one_incident_by_its_key() -> None:
    kept = Kept()
    with Served(kept.application) as there, _channels("r0uting") as channels:
        subscription = Subscription(
            name="pagers", channel="pagerduty", url=f"{there.url}/v2/enqueue", secret_env="SECRET"
        )
        channels.deliver([alert(), alert(state="resolved")], subscription, "digest-1")
    trigger, resolve = kept.bodies
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "alert-1"
    assert trigger["routing_key"] == "r0uting"
    assert trigger["payload"]["severity"] == "critical"
    assert set(trigger["payload"]) >= {"summary", "source", "severity", "timestamp"}


def test_without_its_key_pagerduty_is_not_asked() -> None:
    with closing(Channels("", {})) as channels, pytest.raises(DeliveryFailed, match="the secret SECRET is not set"):
        channels.deliver([alert()], PAGERS, "delivery-1")


def test_a_messenger_gets_a_title_and_a_line_an_alert() -> None:
    kept = Kept()
    with Served(kept.application) as there, _channels(f"json://127.0.0.1:{there.port}/hook") as channels:
        subscription = Subscription(name="team", channel="apprise", secret_env="SECRET")
        channels.deliver([alert()], subscription, "delivery-1")
        channels.deliver([alert(f"alert-{number}", state="resolved") for number in range(30)], subscription, "digest-1")
    one, many = kept.bodies
    assert (one["title"], one["type"]) == ("[critical] accuracy-drop on prompt-guard: firing", "failure")
    assert "feedback.accuracy = 0.61, below 0.85" in one["message"]
    assert "http://localhost:18501" in one["message"]
    assert (many["title"], many["type"]) == ("30 alerts on prompt-guard", "success")
    assert "and 10 more" in many["message"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nonsense", "an address is none that Apprise knows"),
        ("json://127.0.0.1:9/s3cret-hook", "a messenger did not take it"),
    ],
)
def test_a_messenger_that_fails_is_told_without_its_address(
    address: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = Subscription(name="team", channel="apprise", secret_env="SECRET")
    with _channels(address) as channels, pytest.raises(DeliveryFailed, match=f"^{reason}$"):
        channels.deliver([alert()], subscription, "delivery-1")
    assert address not in caplog.text
