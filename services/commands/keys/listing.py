"""What `driftloop keys list` prints, and how a key is revoked. No secret is known here."""

from datetime import UTC, datetime

import msgspec

from schemas.access import NOTHING, AccessKey, Spent, month_of
from schemas.settings import Settings
from services.commands.columns import in_columns
from services.commands.keys.making import opened
from services.commands.outcome import WRONG, fail

_HEAD = ("ID", "NAME", "APP", "TENANT", "SCOPES", "STATE", "EXPIRES", "PER MINUTE", "TOKENS", "USD", "REQUESTS")


def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Print all keys, the newest last."""
    now = datetime.now(UTC)
    with opened(settings) as store:
        held = store.exchange({}, month_of(now))
    keys = sorted(held.keys.values(), key=lambda key: (key.created_at, key.key_id))
    used = [(key, held.spent.get(key.key_id, NOTHING)) for key in keys]
    if as_json:
        print(msgspec.json.format(msgspec.json.encode([entry(key, spent, now) for key, spent in used])).decode())
    elif used:
        print(in_columns(_HEAD, [row(key, spent, now) for key, spent in used]))
    else:
        print("no keys; driftloop keys create makes one")


def revoke_key(settings: Settings, key_id: str) -> None:
    """Close a key and print so."""
    now = datetime.now(UTC)
    with opened(settings) as store:
        key = store.revoke(key_id, now)
    if key is None or key.revoked_at is None:
        fail(f"no key has the id {key_id[:40]!r}; see `driftloop keys list`", WRONG)
    print(f"{key.key_id} was revoked at {_time(key.revoked_at)}")


def entry(key: AccessKey, spent: Spent, now: datetime) -> dict[str, object]:
    """Return a key for programs. Pure."""
    return {
        "id": key.key_id,
        "name": key.name,
        "app": key.app or None,
        "tenant": key.tenant or None,
        "scopes": sorted(key.scopes),
        "state": key.state(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "limits": key.limits,
        "used_this_month": spent,
    }


def row(key: AccessKey, spent: Spent, now: datetime) -> tuple[str, ...]:
    """Return a key for people: what it used of its limits, and a hyphen for what has no value. Pure."""
    limits = key.limits
    tokens = _of(f"{spent.tokens}", f"{limits.tokens_per_month}" if limits.tokens_per_month else "")
    usd = _of(f"{spent.usd:.4f}", f"{limits.usd_per_month:.2f}" if limits.usd_per_month else "")
    return (
        key.key_id,
        key.name,
        key.app or "(all)",
        key.tenant,
        ",".join(sorted(key.scopes)),
        key.state(now),
        _time(key.expires_at) if key.expires_at else "never",
        f"{limits.requests_per_minute or ''}",
        tokens,
        usd,
        f"{spent.requests}",
    )


def _of(used: str, most: str) -> str:
    return f"{used} of {most}" if most else used


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
