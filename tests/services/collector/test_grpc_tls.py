"""TLS on the gRPC port: the listeners' certificate, its renewal, and clients that must show one."""

import asyncio
import logging
import os
import shutil
from pathlib import Path

import grpc
import pytest

from schemas.settings import Settings
from services.collector.otlp.over_grpc import traces_over_grpc
from services.parts.access.admitted import Admitted
from tests.fixtures.certificates import Authority
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector.test_grpc import EXPORT


class Port:
    """A gRPC port that answers with what it is sent; it shows what stands in its folder."""

    def __init__(self, folder: Path, client_ca: Path | None = None) -> None:
        self.certificate, self.key = folder / "shown.crt", folder / "shown.key"
        self.number = free_port()
        self._variables = {
            "DRIFTLOOP_DATA": str(folder),
            "DRIFTLOOP_TLS_CERTIFICATE": str(self.certificate),
            "DRIFTLOOP_TLS_KEY": str(self.key),
            "DRIFTLOOP_TLS_CLIENT_CA": str(client_ca or ""),
            "DRIFTLOOP_OTLP_GRPC_PORT": str(self.number),
        }

    def shows(self, pair: tuple[Path, Path]) -> None:
        for file, shown in zip(pair, (self.certificate, self.key), strict=True):
            before = shown.stat().st_mtime_ns if shown.exists() else 0
            shutil.copyfile(file, shown)
            os.utime(shown, ns=(before + 1_000_000_000,) * 2)

    def answers(self, *asked: "Client") -> list[bytes | None]:
        """Return what each client hears, one after the other; None for one that gets no connection."""

        async def echo(message: bytes, _: Admitted) -> bytes:
            return message

        async def run() -> list[bytes | None]:
            async with traces_over_grpc(echo, Settings.from_environment(self._variables), message_bytes=1000) as served:
                assert served
                return [await client.hears(self.number) for client in asked]

        return asyncio.run(run())


class Client:
    """Somebody who trusts an authority, and may show a certificate."""

    def __init__(self, trusts: Authority | None, *, pair: tuple[Path, Path] | None = None) -> None:
        self._credentials = None
        if trusts is not None:
            certificate, key = (file.read_bytes() for file in pair) if pair else (None, None)
            self._credentials = grpc.ssl_channel_credentials(trusts.file.read_bytes(), key, certificate)

    async def hears(self, port: int) -> bytes | None:
        address = f"127.0.0.1:{port}"
        channel = (
            grpc.aio.insecure_channel(address)
            if self._credentials is None
            else grpc.aio.secure_channel(address, self._credentials)
        )
        async with channel:
            try:
                answer: bytes = await channel.unary_unary(EXPORT)(b"hello", timeout=PATIENCE_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                return None
            return answer


class Renewing(Client):
    """A client before whose call the port's files are renewed."""

    def __init__(self, trusts: Authority, port: Port, pair: tuple[Path, Path]) -> None:
        super().__init__(trusts)
        self._port, self._pair = port, pair

    async def hears(self, port: int) -> bytes | None:
        self._port.shows(self._pair)
        return await super().hears(port)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_port_answers_over_tls_alone(tmp_path: Path, authority: Authority) -> None:
    port = Port(tmp_path)
    port.shows(authority.signed())
    stranger = Authority(tmp_path, "stranger")
    assert port.answers(Client(authority), Client(None), Client(stranger)) == [b"hello", None, None]


def test_a_renewed_certificate_is_shown_and_a_broken_one_is_not(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    port, later = Port(tmp_path), Authority(tmp_path, "later")
    port.shows(authority.signed())
    caplog.set_level(logging.WARNING)
    broken = authority.signed()[0], later.signed()[1]
    clients = Client(authority), Renewing(authority, port, broken), Renewing(later, port, later.signed())
    assert port.answers(*clients, Client(authority)) == [b"hello", b"hello", b"hello", None]
    assert "does not fit the certificate" in caplog.text


def test_where_clients_must_show_a_certificate_one_without_gets_no_connection(
    tmp_path: Path, authority: Authority
) -> None:
    port = Port(tmp_path, client_ca=authority.file)
    port.shows(authority.signed())
    stranger = Authority(tmp_path, "stranger")
    clients = Client(authority), Client(authority, pair=authority.signed()), Client(authority, pair=stranger.signed())
    assert port.answers(*clients) == [None, b"hello", None]
