"""`python -m services.control`: the operators' API, until SIGTERM or Ctrl-C."""

from services.control.application import build_application
from services.parts.ingress.serving import serve

if __name__ == "__main__":
    serve("control", build_application)
