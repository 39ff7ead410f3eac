"""`python -m services.model_server`: serve until SIGTERM or Ctrl-C."""

import os

from services.models.threads import share_cores
from services.parts.ingress.serving import serve


def main() -> None:
    """Run the model server."""
    share_cores(os.environ)
    # Not at the top of the file: it imports torch, which reads the variables just set.
    from services.model_server.application import build_application

    serve("model_server", build_application)


if __name__ == "__main__":
    main()
