"""What the versions of scorers said of the anchors: one small file each, in the data folder.

    anchors/<scorer>/<version>.json    scores of one version
    anchors/<scorer>/history.json      which version runs since when, and up to which change it was told

Order of effects of a change: 1. the new version's scores are written, 2. the history has the change, untold,
3. the event is emitted, 4. the broker has it, 5. the history says that it is told. A kill before 5 has it told
again, from the history, with the same id and time.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import msgspec
from filelock import FileLock

from schemas.evaluations import ScorerChanged
from services.scorers.anchoring.anchors import Anchors
from services.scorers.anchoring.changes import AnchorScores, anchored, scorer_changed
from services.scorers.contract import Scorer

FOLDER = "anchors"
LOCK_TIMEOUT_S = 600
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A version began to run. The first one of a scorer is no change, and so there is nothing to tell of it."""

    version: str
    at: datetime
    told: bool = False


class AnchorMemory:
    """The files of a deployment's data folder."""

    def __init__(self, data: Path) -> None:
        self._root = data / FOLDER

    def noted(self, scorer: Scorer, anchors: Anchors, at: datetime) -> list[ScorerChanged]:
        """Score the anchors unless this version's scores are there, note a change of version, return what is untold.

        A version that is known is not scored again. Several processes may ask at once: one of them scores, and all
        return the same changes.
        """
        card, at = scorer.card, at.replace(microsecond=at.microsecond // 1000 * 1000)
        folder = self._file(card.name, "history").parent
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=LOCK_TIMEOUT_S):
            if self.scores(card.name, card.version, anchors) is None:
                self._write(self._file(card.name, card.version), anchored(scorer, anchors, at))  # 1
            turns = self.history(card.name)
            if not turns or turns[-1].version != card.version:
                self._keep(card.name, [*turns, Turn(version=card.version, at=at, told=not turns)])  # 2
            return list(self._untold(card.name, anchors))

    def told(self, changes: Iterable[ScorerChanged]) -> None:
        """Note that the broker has these changes."""
        for change in changes:
            place = (change.version, change.occurred_at)
            with FileLock(self._file(change.scorer, "history").parent / "lock", timeout=LOCK_TIMEOUT_S):
                turns = self.history(change.scorer)
                self._keep(change.scorer, [_told(turn) if (turn.version, turn.at) == place else turn for turn in turns])

    def history(self, scorer: str) -> list[Turn]:
        """Return which versions ran, the last one last."""
        file = self._file(scorer, "history")
        return msgspec.json.decode(file.read_bytes(), type=list[Turn]) if file.exists() else []

    def scores(self, scorer: str, version: str, anchors: Anchors) -> AnchorScores | None:
        """Return what a version said of these anchors; None if it was never asked."""
        file = self._file(scorer, version)
        if not file.exists():
            return None
        found = msgspec.json.decode(file.read_bytes(), type=AnchorScores)
        return found if found.anchors == anchors.version else None

    def _untold(self, scorer: str, anchors: Anchors) -> Iterable[ScorerChanged]:
        for number, (before, after) in enumerate(pairwise(self.history(scorer)), 1):
            if not after.told:
                old, new = (self._scores_of(scorer, turn, anchors) for turn in (before, after))
                yield scorer_changed(old, new, turn=number)

    def _scores_of(self, scorer: str, turn: Turn, anchors: Anchors) -> AnchorScores:
        """Return what a turn's version said, at the turn's time; without measures if it was never asked."""
        found = self.scores(scorer, turn.version, anchors)
        blank = AnchorScores(scorer=scorer, version=turn.version, anchors=anchors.version, at=turn.at, measures={})
        return msgspec.structs.replace(found or blank, at=turn.at)

    def _keep(self, scorer: str, turns: list[Turn]) -> None:
        self._write(self._file(scorer, "history"), turns)

    def _file(self, scorer: str, name: str) -> Path:
        return self._root / _UNSAFE.sub("_", scorer) / f"{_UNSAFE.sub('_', name)}.json"

    def _write(self, path: Path, content: object) -> None:
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(msgspec.json.encode(content))
        part.replace(path)


def _told(turn: Turn) -> Turn:
    return msgspec.structs.replace(turn, told=True)
