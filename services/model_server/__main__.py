"""`python -m services.model_server`: serve until SIGTERM or Ctrl-C."""

from services.ingress.serving import serve
from services.model_server.application import build_application


def main() -> None:
    """Run the model server."""
    serve("model_server", build_application)


if __name__ == "__main__":
    main()
