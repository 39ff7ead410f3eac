"""Uvicorn's server with a look around once a second: at clients that dawdle, and at a renewed certificate."""

import asyncio
import logging
import resource

import uvicorn

from services.parts.certificates import BadCertificate, ServerCertificate
from services.parts.ingress.connections import sweep

_LOG = logging.getLogger(__name__)
_TICKS_A_SECOND = 10


class Server(uvicorn.Server):
    """Serves until told to stop; with a certificate, over TLS."""

    def __init__(self, options: uvicorn.Config, certificate: ServerCertificate | None = None) -> None:
        super().__init__(options)
        self._certificate = certificate
        if certificate is not None:
            options.load()
            options.ssl = certificate.context

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second, and ours once."""
        if counter % _TICKS_A_SECOND == 0:
            self._look_around()
        return await super().on_tick(counter)

    def _look_around(self) -> None:
        cut = sweep(list(self.server_state.connections), asyncio.get_running_loop().time())
        if cut:
            _LOG.info("%d clients cut off that took too long", cut)
        if self._certificate is None:
            return
        try:
            if self._certificate.look_again():
                _LOG.info("the renewed certificate is shown from now on")
        except BadCertificate as error:
            _LOG.warning("the certificate before it stays: %s", error)


def raise_file_limit() -> None:
    """Let this process hold as many files as the system lets it: each client takes one, and one upstream."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
