"""Against a real receiver over HTTP."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.configuration import Subscription
from services.alerting.receiver import build_application
from services.parts.notices.channels import Channels
from services.parts.notices.failures import DeliveryFailed
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S
from tests.services.alerting.builders import CONSOLE, WEBHOOK, alert

DELIVERY_ID = "delivery-1"


@pytest.fixture
def channels() -> Iterator[Channels]:
    with closing(Channels("http://localhost:18501", {"SECRET": "s3cret"})) as made:
        yield made


def _towards(url: str) -> Subscription:
    return replace(WEBHOOK, url=f"{url}/alerts")


def test_receiver_keeps_what_is_signed_and_lists_it(channels: Channels, tmp_path: Path) -> None:
    file = tmp_path / "receiver" / "alerts.jsonl"
    with Served(build_application(file, "s3cret")) as receiver:
        channels.deliver([alert()], _towards(receiver.url), DELIVERY_ID)
        listed = httpx.get(f"{receiver.url}/alerts", timeout=PATIENCE_S).json()
    assert [(entry["verified"], entry["delivery"]) for entry in listed] == [(True, DELIVERY_ID)]
    assert json.loads(file.read_text())["body"]["alerts"][0]["annotations"]["alert_id"] == "alert-1"


def test_receiver_turns_a_wrong_signature_away(channels: Channels, tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    with Served(build_application(file, "another")) as receiver, pytest.raises(DeliveryFailed, match=r"^answered 401$"):
        channels.deliver([alert()], _towards(receiver.url), DELIVERY_ID)
    assert not file.exists()


def test_an_error_of_the_receiver_fails_the_delivery(channels: Channels) -> None:
    async def answer(_: Request) -> Response:
        return Response(status_code=503)

    failing = Starlette(routes=[Route("/alerts", answer, methods=["POST"])])
    with Served(failing) as receiver, pytest.raises(DeliveryFailed, match=r"^answered 503$"):
        channels.deliver([alert()], _towards(receiver.url), DELIVERY_ID)


def test_nobody_there_fails_the_delivery(channels: Channels) -> None:
    with pytest.raises(DeliveryFailed, match=r"^connection refused$"):
        channels.deliver([alert()], _towards(f"http://127.0.0.1:{free_port()}"), DELIVERY_ID)


def test_a_missing_secret_is_named_and_nothing_is_sent_unsigned() -> None:
    with closing(Channels("", {})) as channels, pytest.raises(DeliveryFailed, match="SECRET is not set"):
        channels.deliver([alert()], WEBHOOK, DELIVERY_ID)


def test_console_prints_a_line(channels: Channels, capsys: pytest.CaptureFixture[str]) -> None:
    channels.deliver([alert()], CONSOLE, DELIVERY_ID)
    assert capsys.readouterr().out.startswith("ALERT firing [critical] accuracy-drop")
