"""Bodies that are passed on without being held."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S
from tests.services.gateway.conftest import APP, Start, settings_for

_MB = 1024 * 1024
_PIECE = os.urandom(_MB)
_TYPE = "multipart/form-data; boundary=b"
_FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
_MODEL = b'\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n--b--\r\n'


class _Drain:
    """An upstream that takes a body without keeping it, and notes what this process holds meanwhile."""

    def __init__(self) -> None:
        self.size, self.highest, self.tail, self.digest = 0, 0, b"", hashlib.sha256()
        self.headers: dict[str, str] = {}
        self.heard = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        self.heard += 1
        self.headers = dict(request.headers)
        if request.url.path.endswith("/refuses"):
            await JSONResponse({"error": "too much"}, 429)(scope, receive, send)
            return
        async for piece in request.stream():
            self.size += len(piece)
            self.digest.update(piece)
            self.tail = (self.tail + piece)[-200:]
            self.highest = max(self.highest, psutil.Process().memory_info().rss)
        answer: Response = JSONResponse({"bytes": self.size})
        await answer(scope, receive, send)


def _pieces(number: int, before: bytes = b"", after: bytes = b"") -> Iterator[bytes]:
    yield before
    for _ in range(number):
        yield _PIECE
    yield after


def _post(url: str, content: Iterator[bytes], **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(url, content=content, headers=named, timeout=PATIENCE_S)


def test_an_upload_of_40_mib_passes_through_byte_for_byte_and_is_not_held(start: Start) -> None:
    drain = _Drain()
    with Served(drain) as upstream:
        gateway = start(upstreams=[upstream.url])
        size = 40 * _MB
        before = psutil.Process().memory_info().rss
        answer = _post(
            f"{gateway.url}/v1/files", _pieces(40), content_length=str(size), content_type="application/octet-stream"
        )
    assert answer.json() == {"bytes": size}
    assert drain.digest.digest() == hashlib.sha256(_PIECE * 40).digest()
    assert drain.headers["content-length"] == str(size)
    assert drain.highest - before < 24 * _MB


def test_a_form_is_readdressed_where_its_model_comes_after_the_file(start: Start) -> None:
    drain = _Drain()
    with Served(drain) as upstream:
        gateway = start(upstreams=[upstream.url])
        content = _pieces(17, _FILE, _MODEL % APP.encode())
        answer = _post(f"{gateway.url}/v1/audio/transcriptions", content, content_type=_TYPE)
    assert answer.json() == {"bytes": drain.size}
    assert drain.tail.endswith(_MODEL % b"echo-base")


def test_a_form_is_readdressed_where_its_model_comes_before_the_file(start: Start) -> None:
    drain = _Drain()
    with Served(drain) as upstream:
        gateway = start(upstreams=[upstream.url])
        head = (_MODEL % APP.encode()).replace(b"--b--\r\n", b"").lstrip(b"\r\n") + _FILE
        size = len(head) + 17 * _MB
        answer = _post(
            f"{gateway.url}/v1/audio/transcriptions", _pieces(17, head), content_type=_TYPE, content_length=str(size)
        )
    assert answer.json() == {"bytes": size - len(APP) + len("echo-base")}


def test_an_upload_past_the_bound_is_refused_and_rests_no_replica(start: Start, tmp_path: Path) -> None:
    drain = _Drain()
    with Served(drain) as upstream:
        settings = settings_for(tmp_path, DRIFTLOOP_PASSED_BYTES=str(20 * _MB))
        gateway = start(upstreams=[upstream.url], settings=settings)
        told = _post(f"{gateway.url}/v1/files", _pieces(21), content_length=str(21 * _MB))
        untold = _post(f"{gateway.url}/v1/files", _pieces(24), content_type="application/octet-stream")
        after = httpx.get(f"{gateway.url}/v1/files", timeout=PATIENCE_S)
    assert [answer.status_code for answer in (told, untold, after)] == [413, 413, 200]
    assert drain.heard == 2


def test_an_upstream_that_answers_before_the_end_is_heard(start: Start) -> None:
    with Served(_Drain()) as upstream:
        gateway = start(upstreams=[upstream.url])
        answer = _post(f"{gateway.url}/v1/refuses", _pieces(20), content_type="application/octet-stream")
    assert answer.status_code in (429, 502)
