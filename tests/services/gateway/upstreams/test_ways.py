"""How upstreams are reached: private CAs, proxies, and answers in encodings that nobody asked for."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import zstandard

from schemas.configuration import App
from schemas.configuration_parser import BadConfiguration
from services.commands.upstream import UpstreamSilent, look_at
from services.parts.reach import proxy_to, trust_of
from tests.fixtures.certificates import Authority
from tests.fixtures.http import Served
from tests.fixtures.upstream import BASE, StubUpstream
from tests.fixtures.waiting import PATIENCE_S
from tests.services.gateway.behind import ASKED, Before, Behind, answer
from tests.services.gateway.canned import EVENTS, JSON, Canned
from tests.services.gateway.conftest import Start

_SAID = b'{"id":"up-1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"content":"Hi"}}]}'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def test_an_upstream_with_a_private_ca_is_reached_by_its_file_alone(start: Start, authority: Authority) -> None:
    upstream = Canned([_SAID])
    with Served(upstream, tls=authority.both()) as served:
        behind = Behind(start(upstreams=[served.url], upstream_ca_file=str(authority.file)), upstream)
        assert behind.post(ASKED).status_code == 200
        assert _text(behind) == "Hi"


@pytest.mark.parametrize("host", ["127.0.0.1", "elsewhere.example.org"])
def test_a_certificate_that_is_not_trusted_is_a_502_with_its_own_type(
    start: Start, authority: Authority, host: str
) -> None:
    upstream = Canned([_SAID])
    trusted = {} if host[0].isdigit() else {"upstream_ca_file": str(authority.file)}
    with Served(upstream, tls=authority.both(host)) as served:
        behind = Behind(start(upstreams=[served.url], **trusted), upstream)
        refused, passed = behind.post(ASKED), behind.post(b"{}", "/v1/files")
    for told in (refused, passed):
        assert told.status_code == 502
        error = {"type": "upstream_error", "code": "upstream_certificate", "param": None}
        assert told.json()["error"] == error | {"message": "the upstream's certificate is not trusted"}
        assert told.headers["x-content-type-options"] == "nosniff"
    assert behind.told()[1].error_type == "upstream_certificate"
    assert upstream.sent == []


def test_looking_at_an_upstream_goes_by_the_same_file(authority: Authority) -> None:
    app = App(name="bot", base_model=BASE, upstream_ca_file=str(authority.file))
    with Served(StubUpstream().application, tls=authority.both()) as served:
        assert look_at(served.url, PATIENCE_S, trust=trust_of(app)).models == (BASE,)
        with pytest.raises(UpstreamSilent, match=r"^its certificate is not trusted$"):
            look_at(served.url, PATIENCE_S)


def test_a_file_of_cas_of_no_use_is_one_clear_line(tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    with pytest.raises(BadConfiguration) as refused:
        trust_of(App(name="bot", base_model="m", upstream_ca_file=str(absent)))
    assert str(refused.value) == f"apps: bot: upstream_ca_file: {absent}: No such file or directory"


def test_the_answer_of_an_upstream_gets_no_header_of_ours_but_the_routes(before: Before) -> None:
    behind = before(answer(), headers=[*JSON, (b"x-theirs", b"1")])
    ours = {"x-driftloop-adapter-version", "x-driftloop-variant", "x-driftloop-request-id"}
    assert behind.post(ASKED).headers.keys() - ours == {"content-type", "content-length", "x-theirs", "date"}
    passed = behind.post(b"{}", "/v1/files").headers.keys()
    assert passed == {"content-type", "transfer-encoding", "x-theirs", "date"}


def _text(behind: Behind) -> str:
    output = behind.told()[1].output
    return str(output.content) if output else ""


class _Proxy:
    """A forward proxy that finds every host on this machine, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            head = client.recv(65_536)
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append(f"{method} {target}")
            place = target if method == "CONNECT" else target.split("/")[2]
            with socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
                else:
                    server.sendall(head)
                back = threading.Thread(target=_copied, args=(server, client), daemon=True)
                back.start()
                _copied(client, server)
                back.join(PATIENCE_S)

    def close(self) -> None:
        """Take nobody any more."""
        self._listener.close()


def _copied(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


@contextmanager
def _proxy() -> Iterator[_Proxy]:
    proxy = _Proxy()
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.mark.parametrize("tls", [False, True])
def test_an_upstream_behind_a_proxy_of_the_environment_is_reached_through_it(
    start: Start, authority: Authority, tls: bool
) -> None:
    upstream, host = Canned([_SAID]), "upstream.invalid"
    with _proxy() as proxy, Served(upstream, tls=authority.both(host) if tls else "") as served:
        url = served.url.replace("127.0.0.1", host)
        environment = {"HTTPS_PROXY" if tls else "http_proxy": proxy.url}
        gateway = start(upstreams=[url], environment=environment, upstream_ca_file=str(authority.file))
        assert Behind(gateway, upstream).post(ASKED).status_code == 200
        place = f"{host}:{served.port}"
        assert proxy.asked == [f"CONNECT {place}" if tls else f"POST http://{place}/v1/chat/completions"]


def test_which_proxy_leads_where() -> None:
    told = {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1", "NO_PROXY": "inside.example,.corp"}
    assert proxy_to("https://api.example.org", told) == "http://q:1"
    assert proxy_to("http://api.example.org", told) == ""
    assert proxy_to("http://api.example.org", {"ALL_PROXY": "http://r:1"}) == "http://r:1"
    for direct in ("inside.example", "a.corp:8000", "127.0.0.1:8000", "localhost", "[::1]:8000"):
        assert proxy_to(f"https://{direct}", told) == ""
    with pytest.raises(BadConfiguration, match=r"^HTTPS_PROXY: the proxy must be "):
        proxy_to("https://api.example.org", {"HTTPS_PROXY": "socks5://p:1"})


@pytest.mark.parametrize(("name", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_an_encoded_answer_is_read_recorded_and_passed_on_as_it_was_before(
    before: Before, name: str, encode: Callable[[bytes], bytes]
) -> None:
    behind = before(encode(_SAID), headers=[*JSON, (b"content-encoding", name.encode())])
    told = behind.post(ASKED)
    assert told.json()["choices"][0]["message"]["content"] == "Hi"
    assert "content-encoding" not in told.headers
    assert _text(behind) == "Hi"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
@pytest.mark.parametrize("streams", [False, True])
def test_an_answer_in_an_encoding_that_is_not_known_passes_as_it_came(before: Before, path: str, streams: bool) -> None:
    kind = EVENTS if streams else JSON
    behind = before(b"\x0b\x02\x80nobody reads this\x03", headers=[*kind, (b"content-encoding", b"br")])
    asked = ASKED | {"stream": streams}
    with httpx.stream("POST", behind.gateway.url + path, json=asked, timeout=PATIENCE_S) as told:
        assert b"".join(told.iter_raw()) == b"\x0b\x02\x80nobody reads this\x03"
    assert (told.status_code, told.headers["content-encoding"]) == (200, "br")
    if path != "/v1/files":
        assert behind.told()[1].error_type == ""
