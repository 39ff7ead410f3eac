"""What of a refused message becomes its letter: its bytes, masked by the policy of the app that it names.

Nobody looked at it on its way in: what gateway and collector take is decoded, so it was produced past them.
"""

import re
from dataclasses import dataclass

from schemas.configuration import Privacy
from schemas.topics import INBOUND
from services.privacy.policies import Policies
from services.sink.poison import PoisonLimit

_APP = re.compile(rb'"app"\s{0,8}:\s{0,8}"([^"\\]{1,256})"')
_STRICTER = ("off", "mask", "hash", "drop-text")
_INBOUND = frozenset(topic.name for topic in INBOUND)


class Withholding:
    """Letters under the apps' policies."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def letter(self, topic: str, value: bytes | None) -> bytes | None:
        """Return what a refused message's letter holds: nothing under `drop-text`, all of it where nothing is private.

        A message that names no app of ours has the strictest policy of all apps. Only inbound topics hold texts.
        """
        if not value or topic not in _INBOUND:
            return value
        privacy = self._privacy(value)
        text = value.decode(errors="surrogateescape")
        kept = self._policies.masked(text, privacy)
        return value if kept == text else kept.encode(errors="surrogateescape")

    def _privacy(self, value: bytes) -> Privacy:
        named = _APP.search(value)
        known = self._policies.known
        privacy = known.get(named[1].decode(errors="replace")) if named else None
        return privacy or max(known.values(), key=lambda one: _STRICTER.index(one.policy), default=Privacy())


@dataclass(frozen=True, slots=True)
class Refusing:
    """What becomes of messages that can't be stored: how many may come, and what is kept of one."""

    limit: PoisonLimit
    withholding: Withholding
