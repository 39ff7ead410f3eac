"""How the HTTP processes listen: certificates, and what one client may take of them. Part of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What others than the stack itself reach. The model server stays a neighbour of the gateway.
_PUBLIC = frozenset({"gateway", "collector", "otlp", "control", "dashboard"})
LEAST_HEADER_BYTES = 4096


class BadListening(ValueError):
    """A variable has no usable value. The message names it."""


@dataclass(frozen=True, slots=True)
class Listening:
    """How the processes listen.

    Attributes:
        certificate: PEM file of the listeners' certificate and its chain; without one they speak plain HTTP.
        key: PEM file of its private key.
        client_ca: PEM file of the CA whose certificates clients must show; without one they need none.
        header_bytes: Bound on a request's line and headers together.
        header_count: Bound on their number.
        patience_s: How long a client may take over its headers; over this time it must also send of a body, or
            take of an answer, at least a few bytes each second.
        connections: How many clients are served at once by one process; the next gets 503.
        passed_bytes: Bound on a body that the gateway passes on without recording it.
    """

    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    header_bytes: int = 64 * 1024
    header_count: int = 128
    patience_s: int = 30
    connections: int = 4096
    passed_bytes: int = 512 * 1024 * 1024

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            missing = "DRIFTLOOP_TLS_KEY" if self.key is None else "DRIFTLOOP_TLS_CERTIFICATE"
            raise BadListening(f"{missing}: not set; a certificate and its key go together")
        if self.client_ca is not None and self.certificate is None:
            raise BadListening("DRIFTLOOP_TLS_CLIENT_CA: of no use without DRIFTLOOP_TLS_CERTIFICATE")

    def scheme(self, process: str) -> str:
        """Return what a process on this machine speaks: http or https."""
        return "https" if self.certificate is not None and process in _PUBLIC else "http"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Listening":
        """Read DRIFTLOOP_TLS_{CERTIFICATE,KEY,CLIENT_CA}, DRIFTLOOP_HEADER_{BYTES,COUNT}, DRIFTLOOP_CLIENT_PATIENCE_S,
        DRIFTLOOP_CONNECTIONS and DRIFTLOOP_PASSED_BYTES.

        Raises:
            BadListening: A number is none, or one file is given without the other.
        """

        def number(variable: str, default: int, least: int = 1) -> int:
            text = environment.get(f"DRIFTLOOP_{variable}", str(default))
            if not text.isdigit() or int(text) < least:
                raise BadListening(f"DRIFTLOOP_{variable}: not a whole number of at least {least}: {text!r}")
            return int(text)

        usual = cls()
        return cls(
            certificate=_file(environment, "CERTIFICATE"),
            key=_file(environment, "KEY"),
            client_ca=_file(environment, "CLIENT_CA"),
            header_bytes=number("HEADER_BYTES", usual.header_bytes, LEAST_HEADER_BYTES),
            header_count=number("HEADER_COUNT", usual.header_count),
            patience_s=number("CLIENT_PATIENCE_S", usual.patience_s),
            connections=number("CONNECTIONS", usual.connections),
            passed_bytes=number("PASSED_BYTES", usual.passed_bytes),
        )


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    text = environment.get(f"DRIFTLOOP_TLS_{name}", "")
    return Path(text).absolute() if text else None


DEFAULT_LISTENING = Listening()
