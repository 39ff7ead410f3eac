"""One line a log record, key-values, UTC; ids and counts only, never text of prompts or answers."""

import logging
import sys
import time


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)


def configure_logging(process: str, level: str) -> None:
    """Send this process's log to standard error as `time level process logger message`.

    Libraries that log at INFO what is of no use to an operator are held at WARNING.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(f"%(asctime)s.%(msecs)03dZ %(levelname)s {process} %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for noisy in ("kafka", "aiokafka", "faust", "mode", "httpx", "alembic", "mlflow", "urllib3", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # It warns of its own callbacks that took a tenth of a second, which a busy machine makes them take.
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)
