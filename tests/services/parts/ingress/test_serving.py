"""How applications are served."""

from starlette.applications import Starlette

from services.parts.ingress.serving import server_options

_AIOHTTP_KEEPS_S, _HTTPX_KEEPS_S = 15, 5


def test_an_idle_connection_is_kept_longer_than_clients_keep_it() -> None:
    assert server_options(Starlette()).timeout_keep_alive > max(_AIOHTTP_KEEPS_S, _HTTPX_KEEPS_S)
