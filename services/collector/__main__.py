"""`python -m services.collector`: serve until SIGTERM or Ctrl-C."""

from services.collector.application import build_application
from services.parts.ingress.serving import serve


def main() -> None:
    """Run the collector."""
    serve("collector", build_application, beside=("otlp",))


if __name__ == "__main__":
    main()
