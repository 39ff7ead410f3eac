"""Where adapters lie: training publishes them here, servers load them, processors read their reference.

One folder a version, `<root>/<app>/<version>/`, in PEFT format with reference.json beside the weights.
A version is immutable. Any fsspec root works: a local folder, s3://bucket/prefix, memory://.
"""

import hashlib
import re
from pathlib import Path

import fsspec
import msgspec

from schemas.reference import Reference

REFERENCE = "reference.json"
PUBLISHED = "PUBLISHED"
_ADDRESS_DIGITS = 16
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class ArtifactStore:
    """Published adapter versions under one root."""

    def __init__(self, root: str) -> None:
        self._fs, path = fsspec.url_to_fs(root)
        self._root = str(path).rstrip("/")
        self._references: dict[tuple[str, str], Reference] = {}

    def is_there(self) -> bool:
        """Tell whether the root is there yet; it is made with the first version."""
        return bool(self._fs.exists(self._root))

    def folder(self, app: str, version: str) -> str:
        """Return the address of a version's folder, published or not: a path for a local root, else a URL.

        Raises:
            ValueError: A name that is no plain file name.
        """
        return self._address(self._path(app, version))

    def published(self, app: str, version: str) -> bool:
        """Tell whether a version is complete."""
        return bool(self._fs.exists(f"{self._path(app, version)}/{PUBLISHED}"))

    def publish(self, local_folder: Path, app: str, version: str) -> str:
        """Copy a folder to the store and return its address, the same on every call.

        The marker file is written last and readers look for it first, so a reader sees all of a version
        or nothing, on a local disk as on an object store. A publication cut short is done again from the
        beginning; one that is complete is left as it is.
        """
        target = self._path(app, version)
        if not self.published(app, version):
            for file in sorted(path for path in local_folder.rglob("*") if path.is_file()):
                destination = f"{target}/{file.relative_to(local_folder).as_posix()}"
                self._fs.makedirs(destination.rpartition("/")[0], exist_ok=True)
                self._fs.put_file(str(file), destination)
            self._fs.touch(f"{target}/{PUBLISHED}", truncate=True)
        return self._address(target)

    def add(self, app: str, version: str, *, name: str, content: bytes) -> str:
        """Put a by-product (a report for people) beside a published version and return its address."""
        path = f"{self._path(app, version)}/{name}"
        self._fs.pipe_file(path, content)
        return self._address(path)

    def paper(self, app: str, version: str, name: str) -> bytes | None:
        """Return a file that lies beside a published version's weights, None where there is none."""
        path = f"{self._path(app, version)}/{name}"
        if not (self.published(app, version) and self._fs.exists(path)):
            return None
        return bytes(self._fs.cat_file(path))

    def reference(self, app: str, version: str) -> Reference | None:
        """Return a version's reference, or None where there is none (the base model, a foreign name).

        Found references are kept in memory; a missing one is looked for again at the next call.
        """
        known = self._references.get((app, version))
        if known is not None or not (_SAFE.fullmatch(app) and _SAFE.fullmatch(version)):
            return known
        path = f"{self._path(app, version)}/{REFERENCE}"
        if not (self.published(app, version) and self._fs.exists(path)):
            return None
        found = msgspec.json.decode(self._fs.cat_file(path), type=Reference)
        self._references[app, version] = found
        return found

    def fetch(self, uri: str, into: Path) -> Path:
        """Return a local folder with the content of an artifact's address: its own, or a copy of a remote one.

        A copy has a folder within `into` that belongs to its address. Fetching again, be it after a kill
        halfway, replaces it file by file, each at once.

        Raises:
            FileNotFoundError: There is no such folder.
        """
        fs, path = fsspec.url_to_fs(uri)
        if not fs.isdir(path):
            raise FileNotFoundError(f"no adapter folder at {uri}")
        if _is_local(fs):
            return Path(path)
        target = into / hashlib.sha256(uri.encode()).hexdigest()[:_ADDRESS_DIGITS]
        for name in fs.find(path):
            destination = target / name.removeprefix(f"{path.rstrip('/')}/")
            destination.parent.mkdir(parents=True, exist_ok=True)
            part = destination.with_name(f"{destination.name}.part")
            fs.get_file(name, str(part))
            part.replace(destination)
        return target

    def _path(self, app: str, version: str) -> str:
        for name in (app, version):
            if not _SAFE.fullmatch(name):
                raise ValueError(f"not a plain name: {name!r}")
        return f"{self._root}/{app}/{version}"

    def _address(self, path: str) -> str:
        return path if _is_local(self._fs) else str(self._fs.unstrip_protocol(path))


def _is_local(fs: fsspec.AbstractFileSystem) -> bool:
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    return protocol in ("file", "local")
