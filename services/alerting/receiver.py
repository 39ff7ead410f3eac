"""`python -m services.alerting.receiver`: a webhook receiver to try alerting with. Verifies, keeps, lists."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.configuration import Configuration
from schemas.settings import Settings
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, json_answer
from services.parts.ingress.serving import ERROR_HANDLERS, health_routes, process_registry, serve
from services.parts.notices.channels import DELIVERY_HEADER
from services.parts.notices.signature import HEADER, verified

NAME = "receiver"
SECRET_ENV = "DRIFTLOOP_WEBHOOK_SECRET"  # noqa: S105  # the name of a variable
_MAX_BODY = 1_000_000


def build_application(file: Path, secret: str, clock: Callable[[], float] = time.time) -> Starlette:
    """Return the application: POST /alerts appends to `file`, GET /alerts lists it, /healthz, /metrics.

    With a secret, what is not signed with it is answered 401 and not kept.
    """

    async def take(request: Request) -> Response:
        body = await body_of(request, _MAX_BODY)
        if secret and not verified(secret, request.headers.get(HEADER, ""), body, clock()):
            raise Refusal(401, "the signature does not match")
        entry = {
            "received_at": clock(),
            "verified": bool(secret),
            "delivery": request.headers.get(DELIVERY_HEADER, ""),
            "body": _document(body),
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lines:
            lines.write(json.dumps(entry) + "\n")
        return json_answer({"received": True})

    async def show(_: Request) -> Response:
        lines = file.read_text().splitlines() if file.exists() else []
        return json_answer([json.loads(line) for line in lines])

    return Starlette(
        routes=[
            Route("/alerts", take, methods=["POST"]),
            Route("/alerts", show, methods=["GET"]),
            *health_routes(lambda: {"started": True}, process_registry()),
        ],
        exception_handlers=ERROR_HANDLERS,
    )


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Refusal(400, "the body is not JSON") from error


def _build(settings: Settings, _: Configuration) -> Starlette:
    return build_application(settings.data / "receiver" / "alerts.jsonl", os.environ.get(SECRET_ENV, ""))


if __name__ == "__main__":
    serve(NAME, _build)
