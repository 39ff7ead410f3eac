"""`python -m services.gateway`: serve until SIGTERM or Ctrl-C."""

import sys

from starlette.applications import Starlette

from schemas.configuration import Configuration
from schemas.settings import Settings
from services.gateway.application import build_application
from services.parts.ingress.serving import serve
from services.parts.runtime.memory import collect_seldom

# The forwarder's thread shares the interpreter with the event loop; the default turn of 5 ms would
# be seen in every call's latency.
_SWITCH_INTERVAL_S = 0.0005


def main() -> None:
    """Run the gateway."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    serve("gateway", _build)


def _build(settings: Settings, configuration: Configuration) -> Starlette:
    application = build_application(settings, configuration)
    # A look at everything that is there, modules and all, would hold up calls for tens of milliseconds.
    collect_seldom()
    return application


if __name__ == "__main__":
    main()
