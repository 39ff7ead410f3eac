"""`python -m services.gateway`: serve until SIGTERM or Ctrl-C."""

import sys

from services.gateway.application import build_application
from services.parts.ingress.serving import serve

# The forwarder's thread shares the interpreter with the event loop; the default turn of 5 ms would
# be seen in every call's latency.
_SWITCH_INTERVAL_S = 0.0005


def main() -> None:
    """Run the gateway."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    serve("gateway", build_application)


if __name__ == "__main__":
    main()
