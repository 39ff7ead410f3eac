"""TLS: what the listeners show, what calls of our own to them trust, and what an app's upstream is trusted by."""

import re
import ssl
from functools import cache
from pathlib import Path
from typing import NoReturn

from schemas.listening import Listening
from schemas.settings import BadSetting, Settings

_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class BadCertificate(BadSetting):
    """A certificate or key can't be used. The message is one line: which file, why."""


class ServerCertificate:
    """What listeners show; renewed files are taken up by `look_again`, for connections from then on.

    Args:
        listening: Has a certificate and a key.

    Raises:
        BadCertificate: A file can't be read, is none, or the key does not fit.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._files = certificate, key
        self._seen = self._changed_at()
        self.context = _shown(certificate, key)
        if client_ca is not None:
            # Asked for and not demanded: whoever watches the process's health needs none.
            self.context.verify_mode = ssl.CERT_OPTIONAL
            _trust(self.context, client_ca, "DRIFTLOOP_TLS_CLIENT_CA")

    @classmethod
    def of(cls, listening: Listening) -> "ServerCertificate | None":
        """Return what a deployment shows, None where it speaks plain HTTP."""
        if listening.certificate is None or listening.key is None:
            return None
        return cls(listening.certificate, listening.key, listening.client_ca)

    def look_again(self) -> bool:
        """Take up files that have changed; return whether they had.

        Raises:
            BadCertificate: The new ones can't be used; the old ones stay until they change again.
        """
        seen = self._changed_at()
        if seen == self._seen:
            return False
        self._seen = seen
        # A certificate without its key would be shown to nobody, so both are tried apart first.
        _shown(*self._files)
        self.context.load_cert_chain(*self._files, password=_no_password)
        return True

    def _changed_at(self) -> tuple[int, ...]:
        try:
            return tuple(file.stat().st_mtime_ns for file in self._files)
        except OSError:
            return ()


def _shown(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    _readable(certificate, "DRIFTLOOP_TLS_CERTIFICATE")
    _readable(key, "DRIFTLOOP_TLS_KEY")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadCertificate(f"DRIFTLOOP_TLS_KEY: {key} does not fit the certificate {certificate}") from error
        raise BadCertificate(
            f"DRIFTLOOP_TLS_CERTIFICATE: {certificate} and {key} are not a certificate and its key in PEM"
        ) from error


def _no_password() -> NoReturn:
    raise BadCertificate("DRIFTLOOP_TLS_KEY: the key is encrypted; write it without a passphrase")


def _readable(file: Path, named: str) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BadCertificate(f"{named}: {file}: {error.strerror}") from error


def _trust(context: ssl.SSLContext, file: Path, named: str) -> None:
    _readable(file, named)
    try:
        context.load_verify_locations(file)
    except ssl.SSLError as error:
        raise BadCertificate(f"{named}: {file} holds no certificate in PEM") from error


def own_trust(settings: Settings, process: str) -> ssl.SSLContext:
    """Return what calls of our own to a process go by.

    On this machine that is its very certificate, whatever name it is for, and where clients must show one, the
    same. Elsewhere it is the public CAs, or those in SSL_CERT_FILE.

    Raises:
        BadCertificate: The deployment's files can't be used.
    """
    listening = settings.listening
    if listening.certificate is None or listening.key is None or process in settings.urls:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _readable(listening.certificate, "DRIFTLOOP_TLS_CERTIFICATE")
    shown = _FIRST.search(listening.certificate.read_text(errors="replace"))
    if shown is None:
        raise BadCertificate(f"DRIFTLOOP_TLS_CERTIFICATE: {listening.certificate} holds no certificate in PEM")
    context.load_verify_locations(cadata=shown[0])
    if listening.client_ca is not None:
        _load(context, listening.certificate, listening.key)
    return context


@cache
def trusting_anyone() -> ssl.SSLContext:
    """Return what asking a process of this machine for its health goes by: nothing is told, nothing relied on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def trusted_by(file: Path, named: str) -> ssl.SSLContext:
    """Return what calls go by that trust the CAs in a file, and no other.

    Raises:
        BadCertificate: The file, which the message calls `named`, can't be read or holds none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, file, named)
    return context
