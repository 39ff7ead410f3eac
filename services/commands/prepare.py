"""`python -m services.commands.prepare`: topics and tables of a deployment, made before its processes start.

Order of effects: wait for broker and warehouse, create topics, migrate the warehouse, migrate the
control store. Each is idempotent, so running it again changes nothing.
"""

import logging
import sys
import time
from collections.abc import Callable

from kafka.errors import KafkaError

from schemas.settings import BadSetting, Settings
from services.clients.bus.topics import create_topics
from services.clients.store.database import open_store
from services.clients.warehouse.client import WarehouseDown
from services.clients.warehouse.migrations import migrate
from services.parts.runtime.logs import configure_logging

PATIENCE_S = 120.0
RETRY_S = 1.0

logger = logging.getLogger(__name__)


def prepare(settings: Settings, patience_s: float = PATIENCE_S) -> None:
    """Make topics, tables and control store.

    Raises:
        TimeoutError: Broker or warehouse did not answer within `patience_s`; the cause names which.
    """
    deadline = time.monotonic() + patience_s
    _until(deadline, "broker", lambda: create_topics(settings), KafkaError)
    _until(deadline, "warehouse", lambda: migrate(settings), WarehouseDown)
    open_store(settings.store_url).dispose()


def _until(deadline: float, what: str, make: Callable[[], None], passing: type[Exception]) -> None:
    while True:
        try:
            make()
        except passing as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: no answer: {type(error).__name__}") from error
            logger.info("waiting for %s", what)
            time.sleep(RETRY_S)
        else:
            return


def main() -> None:
    """Prepare by the environment's settings; a failure is one line and status 2."""
    try:
        settings = Settings.from_environment()
        configure_logging("prepare", settings.log_level)
        prepare(settings)
    except (BadSetting, TimeoutError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        sys.exit(2)
    logger.info("topics, tables and control store are there")


if __name__ == "__main__":
    main()
