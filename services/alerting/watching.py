"""Subscriptions follow the configuration file without a restart."""

import logging
import threading
from collections.abc import Mapping

from schemas.configuration import Configuration, Subscription
from schemas.configuration_parser import BadConfiguration
from schemas.settings import Settings
from services.parts.runtime.process import read_configuration

log = logging.getLogger(__name__)


class Subscriptions:
    """The subscriptions of the configuration as it stands now.

    Attributes:
        asked: Set by SIGHUP; the file is read again at the next `refresh` even if it looks unchanged.
    """

    def __init__(self, settings: Settings, configuration: Configuration) -> None:
        self._settings = settings
        self._read = self._fingerprint()
        self.asked = threading.Event()
        self.by_name = _by_name(configuration)

    def refresh(self) -> None:
        """Read the file again if it changed or a reload was asked for. A wrong file changes nothing."""
        now = self._fingerprint()
        if now == self._read and not self.asked.is_set():
            return
        self.asked.clear()
        self._read = now
        try:
            self.by_name = _by_name(read_configuration(self._settings))
        except BadConfiguration as error:
            log.error("kept the old subscriptions: %s", error)
            return
        log.info("subscriptions read again: %d", len(self.by_name))

    def _fingerprint(self) -> tuple[int, int]:
        try:
            stat = self._settings.configuration.stat()
        except OSError:
            return 0, 0
        return stat.st_mtime_ns, stat.st_size


def _by_name(configuration: Configuration) -> Mapping[str, Subscription]:
    return {subscription.name: subscription for subscription in configuration.subscriptions}
