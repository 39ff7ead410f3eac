"""Errors in the shape that OpenAI clients understand."""

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.parts.ingress.answers import OwnAnswer


class Refusal(Exception):
    """The request can't be taken; the message is for the client and repeats nothing of its text.

    Attributes:
        kind: OpenAI's `type`, e.g. invalid_request_error.
        param: The field that is wrong, or empty.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.code, self.param = status, message, kind, code, param
        self.headers = dict(headers or {})


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as a JSON response."""
    return OwnAnswer(msgspec.json.encode(value), status, media_type="application/json", headers=headers)


def error_body(refusal: Refusal) -> dict[str, dict[str, str | None]]:
    """Return `{"error": {"message", "type", "param", "code"}}`."""
    return {
        "error": {
            "message": refusal.message,
            "type": refusal.kind,
            "param": refusal.param or None,
            "code": refusal.code or None,
        }
    }


def answer_of(refusal: Refusal) -> Response:
    """Return the answer to a request that can't be taken."""
    return json_answer(error_body(refusal), refusal.status, refusal.headers)


async def refused(_: Request, error: Exception) -> Response:
    """Starlette's handler of Refusal."""
    assert isinstance(error, Refusal)
    return answer_of(error)


async def not_routed(request: Request, error: Exception) -> Response:
    """Starlette's handler of 404 and 405: the same shape as every other error."""
    status = getattr(error, "status_code", 404)
    said = "no such address" if status == 404 else "method not allowed"
    return json_answer(error_body(Refusal(status, f"{said}: {request.method} {request.url.path}")), status)


async def failed(_: Request, error: Exception) -> Response:
    """Starlette's handler of what nobody foresaw; the server logs the traceback."""
    refusal = Refusal(500, f"internal error: {type(error).__name__}", kind="server_error")
    return json_answer(error_body(refusal), 500)
