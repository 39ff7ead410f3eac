"""Users by pseudonym: stable within a deployment, meaningless without its key."""

import hashlib
import hmac
import os
import uuid
from pathlib import Path

_KEY_BYTES = 32


def pseudonym(user: str, key: bytes) -> str:
    """Return 32 hex digits of HMAC-SHA256 over a user's name; empty for an empty name."""
    return hmac.new(key, user.encode(), hashlib.sha256).hexdigest()[:32] if user else ""


def pseudonym_key(data: Path) -> bytes:
    """Return the deployment's key, made at first use; safe when several processes start at once.

    Deleting the file makes all earlier pseudonyms unlinkable.
    """
    path = data / "pseudonym.key"
    data.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_suffix(f".{uuid.uuid4().hex}")
        draft.touch(0o600)
        draft.write_bytes(os.urandom(_KEY_BYTES))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its key holds
        finally:
            draft.unlink()
    return path.read_bytes()
