"""Notices that the configuration file has changed, or that SIGHUP asks to read it again."""

import logging
import signal
from types import FrameType

from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.settings import Settings
from services.parts.runtime.process import read_configuration

log = logging.getLogger(__name__)


class ConfigurationWatch:
    """Looks at the file when asked to; a file that can't be used is logged once and changes nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = False
        self._modified = self._stamp()

    def listen(self) -> None:
        """Take SIGHUP as a request to read the file; call in the main thread."""
        signal.signal(signal.SIGHUP, self._ask)

    def changed(self) -> Configuration | None:
        """Return the new configuration if there is one."""
        modified = self._stamp()
        if modified == self._modified and not self._asked:
            return None
        self._modified, self._asked = modified, False
        try:
            configuration = read_configuration(self._settings)
        except BadConfiguration as error:
            log.error("configuration not reloaded: %s", error)
            return None
        log.info("configuration reloaded monitors=%s", len(configuration.monitors))
        return configuration

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def _stamp(self) -> int:
        try:
            return self._settings.configuration.stat().st_mtime_ns
        except OSError:
            return 0  # it is being replaced, or there is none
