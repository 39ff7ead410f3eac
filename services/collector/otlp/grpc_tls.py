"""TLS of the gRPC port: the certificate that the HTTP listeners show, renewed files taken up at the next handshake."""

import logging
from collections.abc import Callable

import grpc

from schemas.listening import Listening
from services.parts.certificates import BadCertificate, ServerCertificate

_LOG = logging.getLogger(__name__)


def server_credentials(listening: Listening) -> grpc.ServerCredentials | None:
    """Return what the port shows and asks of clients; None where the deployment speaks without TLS.

    Where the listeners ask for a client's certificate, this one does without exception: nobody asks it for its health.

    Raises:
        BadCertificate: A file can't be used.
    """
    certificate = ServerCertificate.of(listening)
    if certificate is None:
        return None
    credentials: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
        _configuration(listening), _renewed(listening, certificate), listening.client_ca is not None
    )
    return credentials


def _renewed(
    listening: Listening, certificate: ServerCertificate
) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """Return what gRPC asks at each handshake: the new files, or None for those it has."""

    def look_again() -> grpc.ServerCertificateConfiguration | None:
        try:
            return _configuration(listening) if certificate.look_again() else None
        except (BadCertificate, OSError) as error:
            _LOG.warning("%s; the certificate before it stays", error)
            return None

    return look_again


def _configuration(listening: Listening) -> grpc.ServerCertificateConfiguration:
    assert listening.certificate is not None, "asked for where there is TLS only"
    assert listening.key is not None, "goes with its certificate"
    pair = (listening.key.read_bytes(), listening.certificate.read_bytes())
    authority = listening.client_ca.read_bytes() if listening.client_ca else None
    return grpc.ssl_server_certificate_configuration([pair], authority)
