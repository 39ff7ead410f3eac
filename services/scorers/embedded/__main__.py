"""`python -m services.scorers.embedded`: trains the heads for all deployments of this installation, beforehand."""

import sys
import tempfile
from pathlib import Path

from services.scorers.heads import FitFailedError, train


def main() -> None:
    """Train unless they are there; a failure is one line and status 2."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            train(Path(folder))
    except FitFailedError as error:
        print(f"heads: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
