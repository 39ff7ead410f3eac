"""Brings every replica to hold what it must: after a change, after a replica's restart, again and again.

Runs in a thread of its own, because a load may take seconds and must not hold up the judge.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

from services.parts.reach import client_for
from services.rollout.vllm_replica import LoadRefused, Replica, ReplicaDown

log = logging.getLogger(__name__)

# A gateway may route to a version for a moment after it left the routing table.
UNLOAD_AFTER_S = 15.0

Fetch = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an app's replicas must hold.

    Attributes:
        replicas: Their base URLs.
        versions: Artifact address of each version that must be there.
        unwanted: Versions of this app that may go. Others, of apps that share the replica, stay.
    """

    replicas: tuple[str, ...]
    versions: Mapping[str, str]
    unwanted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """What was last seen of an app's replicas.

    Attributes:
        held: Versions that each replica listed, by URL; a replica that did not answer is missing.
        refusals: Why a version will never be loaded, by version.
        troubles: Why a replica is not where it should be, by URL.
    """

    replicas: tuple[str, ...] = ()
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)

    def loaded(self, version: str) -> bool:
        """Tell whether every replica lists a version."""
        return bool(self.replicas) and all(version in self.held.get(url, frozenset()) for url in self.replicas)


@dataclass(frozen=True, slots=True)
class _Visit:
    held: frozenset[str] | None
    refusals: Mapping[str, str]
    trouble: str


class Converger:
    """Visits the replicas every `interval_s`, and at once when something new is wanted.

    Args:
        headers: By app, what its upstreams want to be told; they may hold a key.
        trust: By app, what its upstreams' certificates are trusted by, where that is not the public CAs.
    """

    def __init__(
        self,
        fetch: Fetch,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        headers: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
        trust: Mapping[str, ssl.SSLContext] = MappingProxyType({}),
    ) -> None:
        self._fetch = fetch
        self._trust = trust
        self._headers = headers
        self._interval_s = interval_s
        self._clock = clock
        self._clients: dict[tuple[str, str], httpx.Client] = {}
        self._wanted: Mapping[str, Wanted] = {}
        self._standing: Mapping[str, Standing] = {}
        self._folders: dict[str, Path] = {}
        self._unwanted_since: dict[tuple[str, str], float] = {}
        self._poke = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="convergence", daemon=True)

    def start(self) -> None:
        """Begin to visit."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the visit in hand, two seconds at most."""
        self._stopping.set()
        self._poke.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)
        for client in tuple(self._clients.values()):
            client.close()

    def want(self, wanted: Mapping[str, Wanted]) -> None:
        """Say what each app's replicas must hold from now on."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._poke.set()

    def standing(self, app: str) -> Standing:
        """Return what was last seen of an app's replicas."""
        return self._standing.get(app, Standing())

    def visit_all(self) -> None:
        """Visit every replica once, several at a time."""
        wanted = self._wanted
        places = [(app, url) for app, want in wanted.items() for url in want.replicas]
        with ThreadPoolExecutor(max_workers=8) as pool:
            visits = list(pool.map(lambda place: self._visit(place[0], place[1], wanted[place[0]]), places))
        found = dict(zip(places, visits, strict=True))
        self._standing = {app: _standing(app, want, found) for app, want in wanted.items()}

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._poke.clear()
            try:
                self.visit_all()
            except Exception:
                log.exception("a round of visits failed")
            self._poke.wait(self._interval_s)

    def _client_for(self, app: str, url: str) -> httpx.Client:
        # A replica is visited by one thread at a time.
        if (app, url) not in self._clients:
            self._clients[app, url] = client_for(url, self._trust.get(app))
        return self._clients[app, url]

    def _visit(self, app: str, url: str, want: Wanted) -> _Visit:
        replica, refusals = Replica(self._client_for(app, url), url, self._headers.get(app, {})), {}
        try:
            held = replica.versions()
            missing = [version for version in want.versions if version not in held]
            for version in missing:
                refusal = self._load(replica, version, want.versions[version])
                if refusal:
                    refusals[version] = refusal
            gone = self._unload(replica, url, want, held)
            # What it lists counts, not that it answered well to the load.
            return _Visit(replica.versions() if missing or gone else held, refusals, "")
        except ReplicaDown as error:
            return _Visit(None, refusals, str(error))

    def _load(self, replica: Replica, version: str, uri: str) -> str:
        try:
            if uri not in self._folders:
                self._folders[uri] = self._fetch(uri)
            replica.load(version, str(self._folders[uri]))
        except (LoadRefused, FileNotFoundError, ValueError) as error:
            log.error("version=%s refused: %s", version, error)
            return str(error)
        log.info("version=%s load asked", version)
        return ""

    def _unload(self, replica: Replica, url: str, want: Wanted, held: frozenset[str]) -> bool:
        now, gone = self._clock(), False
        for version in want.versions:
            self._unwanted_since.pop((url, version), None)
        for version in want.unwanted & held:
            if now - self._unwanted_since.setdefault((url, version), now) >= UNLOAD_AFTER_S:
                replica.unload(version)
                log.info("version=%s unload asked", version)
                gone = True
        return gone


def _standing(app: str, want: Wanted, visits: Mapping[tuple[str, str], _Visit]) -> Standing:
    mine = {url: visits[app, url] for url in want.replicas}
    return Standing(
        replicas=want.replicas,
        held={url: visit.held for url, visit in mine.items() if visit.held is not None},
        refusals={version: why for visit in mine.values() for version, why in visit.refusals.items()},
        troubles={url: visit.trouble for url, visit in mine.items() if visit.trouble},
    )
