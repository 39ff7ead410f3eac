"""Values by pseudonym: the same for the same value of a tenant, meaningless without the key.

Keys are files `NUMBER.key` in the deployment's folder `privacy-keys`; the highest number is in force, and every
pseudonym names the number of its key. A new key makes new pseudonyms; those that are written stay as they are.
Deleting a key makes its pseudonyms unlinkable for good.
"""

import hashlib
import hmac
import os
import uuid
from pathlib import Path
from typing import NamedTuple

_KEY_BYTES = 32
_DIGITS = 16
_FOLDER = "privacy-keys"


class Key(NamedTuple):
    """A key and its number."""

    number: int
    secret: bytes

    def pseudonym(self, tenant: str, kind: str, value: str) -> str:
        """Return e.g. `[EMAIL:1.3f9a0c51d2e47b68]`; separators and case make no difference to it."""
        plain = "".join(letter for letter in value.casefold() if letter.isalnum() or letter == "@") or value
        digest = hmac.new(self.secret, "\0".join((tenant, kind, plain)).encode(errors="replace"), hashlib.sha256)
        return f"[{kind}:{self.number}.{digest.hexdigest()[:_DIGITS]}]"


class Keys:
    """The keys of a deployment. A new one is in force in every process with the next pseudonym."""

    def __init__(self, data: Path) -> None:
        self._folder = data / _FOLDER
        self._known: tuple[int, Key] | None = None

    def current(self) -> Key:
        """Return the key in force; the first is made at first use, by whichever process is first."""
        try:
            changed = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            self._make(1)
            return self.current()
        if self._known is None or self._known[0] != changed:
            self._known = (changed, self._highest())
        return self._known[1]

    def rotate(self) -> int:
        """Make a new key and return its number, which is another process's if that made one at the same time."""
        number = max(self._numbers(), default=0) + 1
        self._make(number)
        return number

    def _make(self, number: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{uuid.uuid4().hex}"
        draft.touch(0o600)
        draft.write_bytes(os.urandom(_KEY_BYTES))
        try:
            os.link(draft, self._path(number))
        except FileExistsError:
            pass  # another process was first: its key holds
        finally:
            draft.unlink()

    def _highest(self) -> Key:
        number = max(self._numbers(), default=0)
        if not number:
            self._make(number := 1)
        return Key(number, self._path(number).read_bytes())

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.key") if path.stem.isdigit()]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.key"
