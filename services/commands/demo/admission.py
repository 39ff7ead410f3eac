"""How the demonstration comes in where keys are asked for: by a key of its own, which ends with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from schemas.settings import Settings
from services.commands.keys.making import Wish, key_of, opened
from services.parts.access.secrets import digest_of, new_secret

# What users, an importer of history and an operator do.
_SCOPES = ("infer", "feedback", "ingest", "operate")
# A demonstration that is killed leaves its key behind.
_AT_MOST = "1d"


@contextmanager
def own_key(settings: Settings, app: str) -> Iterator[Mapping[str, str]]:
    """Make a key for an app and yield the headers that tell it; yield none where everything is open.

    It is made before the processes start, which refuse to without any, and revoked when the body is left.
    """
    if not settings.keys_required:
        yield {}
        return
    key_id, secret = new_secret()
    wish = Wish(app=app, scopes=_SCOPES, expires=_AT_MOST, name="the demonstration's own")
    settings.data.mkdir(parents=True, exist_ok=True)
    with opened(settings) as store:
        store.add(key_of(wish, key_id, datetime.now(UTC)), digest_of(secret.encode()))
    try:
        yield {"authorization": f"Bearer {secret}"}
    finally:
        with opened(settings) as store:
            store.revoke(key_id, datetime.now(UTC))
