"""TLS of the listeners: what they show, who may come, what calls of our own trust, and bad files."""

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.listening import BadListening, Listening
from schemas.settings import BadSetting, Settings
from services.embedded.catalogue import CATALOGUE
from services.embedded.health import Health, probe
from services.parts.certificates import BadCertificate, ServerCertificate, own_trust
from services.parts.ingress.errors import json_answer
from tests.fixtures.certificates import Authority
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, until

_PROCESSES = {
    "services.gateway": ["gateway"],
    "services.collector": ["collector", "otlp"],
    "services.control": ["control"],
    "dashboards": ["dashboard"],
}


async def _fine(_: Request) -> Response:
    return json_answer({"fine": True})


APPLICATION = Starlette(routes=[Route("/healthz", _fine), Route("/private", _fine)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


def _variables(data: Path, certificate: Path, key: Path) -> dict[str, str]:
    (data / "driftloop.yaml").write_text("apps: [{name: bot, base_model: tiny, upstreams: ['http://127.0.0.1:9']}]\n")
    names = ["otlp_grpc", *(name for names in _PROCESSES.values() for name in names)]
    return {
        "DRIFTLOOP_DATA": str(data),
        "DRIFTLOOP_CONFIG": str(data / "driftloop.yaml"),
        "DRIFTLOOP_KAFKA": "127.0.0.1:9",
        "DRIFTLOOP_TLS_CERTIFICATE": str(certificate),
        "DRIFTLOOP_TLS_KEY": str(key),
        **{f"DRIFTLOOP_{name.upper()}_PORT": str(free_port()) for name in names},
    }


@pytest.fixture(scope="module")
def running(folder: Path, authority: Authority) -> Iterator[Settings]:
    """Every process that others reach, over TLS and without a broker."""
    variables = _variables(folder, *authority.signed())
    with ExitStack() as stack:
        for name in _PROCESSES:
            command = [sys.executable, "-m", name]
            process = stack.enter_context(subprocess.Popen(command, env={**os.environ, **variables}))
            stack.callback(process.terminate)
        yield Settings.from_environment(variables)


@pytest.mark.parametrize(("name", "also"), [("gateway", ""), ("collector", "otlp"), ("control", "")])
def test_every_process_answers_over_tls_alone(running: Settings, authority: Authority, name: str, also: str) -> None:
    program = next(program for program in CATALOGUE if program.name == name)
    until(lambda: probe(program, running, PATIENCE_S), lambda health: health is Health.READY)
    for port_of in filter(None, (name, also)):
        url = running.url(port_of)
        assert url.startswith("https://")
        answer = httpx.get(f"{url}/healthz", verify=authority.trusted(), timeout=PATIENCE_S)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert "server" not in answer.headers
        assert httpx.get(f"{url}/healthz", verify=own_trust(running, port_of), timeout=PATIENCE_S).is_success
        with pytest.raises(httpx.HTTPError):
            httpx.get(url.replace("https:", "http:"), timeout=PATIENCE_S)


def test_the_dashboard_answers_over_tls_alone(running: Settings, authority: Authority) -> None:
    program = next(program for program in CATALOGUE if program.name == "dashboard")
    until(lambda: probe(program, running, PATIENCE_S), lambda health: health is Health.READY)
    url = running.url("dashboard")
    assert httpx.get(f"{url}/_stcore/health", verify=authority.trusted(), timeout=PATIENCE_S).text == "ok"
    with pytest.raises(httpx.HTTPError):
        httpx.get(url.replace("https:", "http:"), timeout=PATIENCE_S)


def test_a_wrong_key_ends_a_process_with_one_line_and_status_2(tmp_path: Path, authority: Authority) -> None:
    (certificate, _), (_, other) = authority.signed(), authority.signed()
    environment = {**os.environ, **_variables(tmp_path, certificate, other)}
    command = [sys.executable, "-m", "services.control"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 2
    assert ended.stderr == f"control: DRIFTLOOP_TLS_KEY: {other} does not fit the certificate {certificate}\n"


def test_one_file_without_the_other_is_refused_with_the_name_of_what_is_missing() -> None:
    for given, missing in (("CERTIFICATE", "KEY"), ("KEY", "CERTIFICATE")):
        with pytest.raises(BadSetting, match=f"^DRIFTLOOP_TLS_{missing}: not set"):
            Settings.from_environment({f"DRIFTLOOP_TLS_{given}": "some.pem"})
    with pytest.raises(BadListening, match="CLIENT_CA"):
        Listening(client_ca=Path("ca.pem"))


def test_files_of_no_use_are_told_in_one_line(tmp_path: Path, authority: Authority) -> None:
    certificate, key = authority.signed()
    empty, absent = tmp_path / "empty.pem", tmp_path / "absent.pem"
    empty.write_text("")
    for files, said in (
        ((absent, key, None), f"DRIFTLOOP_TLS_CERTIFICATE: {absent}: No such file"),
        ((certificate, absent, None), f"DRIFTLOOP_TLS_KEY: {absent}: No such file"),
        ((empty, key, None), "are not a certificate and its key in PEM"),
        ((certificate, key, empty), "DRIFTLOOP_TLS_CLIENT_CA: .* holds no certificate"),
    ):
        with pytest.raises(BadCertificate, match=said) as refused:
            ServerCertificate(*files)
        assert "\n" not in str(refused.value)


def test_a_renewed_certificate_is_shown_and_a_broken_one_is_not(tmp_path: Path, authority: Authority) -> None:
    first, second = authority.signed(), authority.signed()
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    for file, source in zip((certificate, key), first, strict=True):
        file.write_bytes(source.read_bytes())

    with Served(APPLICATION, listening=Listening(certificate=certificate, key=key)) as served:

        def shown() -> str:
            return ssl.get_server_certificate(("127.0.0.1", served.port))

        assert shown().strip() == first[0].read_text().strip()
        certificate.write_bytes(second[0].read_bytes())
        assert shown().strip() == first[0].read_text().strip()
        key.write_bytes(second[1].read_bytes())
        until(shown, lambda pem: pem.strip() == second[0].read_text().strip())


def test_where_clients_must_show_a_certificate_the_others_learn_whether_it_is_well_and_nothing_else(
    authority: Authority, folder: Path
) -> None:
    certificate, key = authority.signed()
    clients = Authority(folder, "clients")
    listening = Listening(certificate=certificate, key=key, client_ca=clients.file)
    known, stranger = authority.trusted(), authority.trusted()
    known.load_cert_chain(clients.both())
    stranger.load_cert_chain(authority.both())
    with Served(APPLICATION, listening=listening) as served:
        without = [httpx.get(served.url + path, verify=authority.trusted()) for path in ("/healthz", "/private")]
        assert [answer.status_code for answer in without] == [200, 401]
        assert without[1].json()["error"]["code"] == "certificate_required"
        assert httpx.get(f"{served.url}/private", verify=known).status_code == 200
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{served.url}/private", verify=stranger)


def test_calls_of_our_own_trust_the_listeners_very_certificate_and_no_other(authority: Authority) -> None:
    (certificate, key), (other, its_key) = authority.signed("gateway.example.org"), authority.signed("127.0.0.1")
    with Served(APPLICATION, listening=Listening(certificate=certificate, key=key)) as served:
        ours = _settings(certificate, key, served.port)
        assert httpx.get(f"{ours.url('control')}/healthz", verify=own_trust(ours, "control")).is_success
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{ours.url('control')}/healthz", verify=own_trust(_settings(other, its_key, 1), "control"))


def test_a_handshake_that_is_never_finished_keeps_nobody_waiting(authority: Authority) -> None:
    certificate, key = authority.signed()
    with (
        Served(APPLICATION, listening=Listening(certificate=certificate, key=key)) as served,
        socket.create_connection(("127.0.0.1", served.port)),
    ):
        assert httpx.get(f"{served.url}/healthz", verify=authority.trusted()).is_success


def _settings(certificate: Path, key: Path, port: int) -> Settings:
    return Settings.from_environment(
        {
            "DRIFTLOOP_TLS_CERTIFICATE": str(certificate),
            "DRIFTLOOP_TLS_KEY": str(key),
            "DRIFTLOOP_CONTROL_PORT": str(port),
        }
    )
