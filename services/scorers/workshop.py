"""What the scorers of one process share: folders, environment, and what is loaded once for all of them."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from schemas.configuration import App
from schemas.reference import Reference
from schemas.settings import Settings

T = TypeVar("T")

References = Callable[[str, str], Reference | None]


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """Used from one thread at a time.

    Attributes:
        data: The deployment's data folder, where fitted heads are kept.
        folder: The configuration's, to which its paths are relative.
        references: Finds the reference of (app, version).
        apps: Of the configuration; what answers should look like is theirs to say.
    """

    data: Path
    folder: Path
    references: References
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    apps: tuple[App, ...] = ()
    _made: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, apps: Iterable[App] = ()) -> "Workshop":
        """Return the workshop of a deployment."""
        from services.clients.registry.artifacts import ArtifactStore

        store = ArtifactStore(settings.artifacts)
        return cls(settings.data, settings.configuration.parent, store.reference, apps=tuple(apps))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what was made under a name, making it at the first call."""
        if name not in self._made:
            self._made[name] = make()
        return cast(T, self._made[name])
