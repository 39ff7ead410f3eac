"""A key made from what was asked for. The options are judged before anything is opened."""

import difflib
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.access import OF_AN_APP, SCOPES, AccessKey, KeyLimits, Scope
from schemas.configuration_parser import BadConfiguration
from schemas.durations import parse_duration
from schemas.settings import Settings
from services.clients.store.keys import KeyStore, StoreAway
from services.commands.outcome import UNUSABLE, WRONG, fail
from services.parts.access.secrets import digest_of, new_secret
from services.parts.addresses import shown
from services.parts.runtime.process import read_configuration

_LONGEST = 256


class BadWish(ValueError):
    """An option is wrong. The message is one line."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as it was written."""

    app: str = ""
    all_apps: bool = False
    tenant: str = ""
    scopes: tuple[str, ...] = ("infer", "feedback")
    expires: str = ""
    requests_per_minute: str = ""
    tokens_per_month: str = ""
    usd_per_month: str = ""
    name: str = ""


def make_key(settings: Settings, wish: Wish) -> None:
    """Keep a new key, and print its secret to standard output and what it is for to standard error."""
    key_id, secret = new_secret()
    try:
        key = key_of(wish, key_id, datetime.now(UTC))
    except BadWish as error:
        fail(str(error), UNUSABLE)
    if key.app:
        _must_be_there(settings, key.app)
    with opened(settings) as store:
        store.add(key, digest_of(secret.encode()))
    print(told_of(key), file=sys.stderr)
    print(secret)


def key_of(wish: Wish, key_id: str, now: datetime) -> AccessKey:
    """Return the key that is asked for. Pure.

    Raises:
        BadWish: An option is wrong, or one is missing.
    """
    scopes = _scopes(wish.scopes)
    if wish.app and wish.all_apps:
        raise BadWish("--app and --all-apps: give one of them")
    if not wish.app and not wish.all_apps and (bound := sorted(scopes & OF_AN_APP)):
        raise BadWish(f"--app is missing: scope {bound[0]} is for one app, or for all with --all-apps")
    return AccessKey(
        key_id=key_id,
        name=_text("--name", wish.name),
        app=_text("--app", wish.app),
        tenant=_text("--tenant", wish.tenant),
        scopes=scopes,
        created_at=now,
        limits=KeyLimits(
            requests_per_minute=_whole("--requests-per-minute", wish.requests_per_minute, most=1_000_000),
            tokens_per_month=_whole("--tokens-per-month", wish.tokens_per_month, most=2**53),
            usd_per_month=_usd(wish.usd_per_month),
        ),
        expires_at=_expiry(wish.expires, now) if wish.expires else None,
    )


def told_of(key: AccessKey) -> str:
    """Return what there is to say of a new key, without its secret."""
    who = f"{key.app or 'all apps'}{f', tenant {key.tenant}' if key.tenant else ''}"
    until = f"until {key.expires_at:%Y-%m-%dT%H:%M:%SZ}" if key.expires_at else "until it is revoked"
    return (
        f"key {key.key_id} for {who}: {', '.join(sorted(key.scopes))}, {until}\n"
        "its secret follows and is shown this once; send it as `Authorization: Bearer ...`"
    )


@contextmanager
def opened(settings: Settings) -> Iterator[KeyStore]:
    """Open the control store; what can go wrong with it ends the command with one line."""
    try:
        store = KeyStore.at(settings.store_url)
        try:
            yield store
        finally:
            store.close()
    except StoreAway as error:
        where = shown(settings.store_url)
        fail(f"the control store at {where} can't be used ({error}); start it, or mend DRIFTLOOP_STORE_URL", UNUSABLE)


def _must_be_there(settings: Settings, app: str) -> None:
    # The store may be another machine's, where the configuration is.
    if not settings.configuration.exists():
        return
    try:
        names = [known.name for known in read_configuration(settings).apps]
    except BadConfiguration as error:
        fail(str(error), WRONG)
    if app not in names:
        near = difflib.get_close_matches(app, names, n=1, cutoff=0.0)
        said = f"; did you mean {near[0]!r}?" if near else ""
        fail(f"--app: no app of {settings.configuration.name} is called {app!r}{said}", WRONG)


def _scopes(given: tuple[str, ...]) -> frozenset[Scope]:
    words = [word.strip() for text in given for word in text.split(",") if word.strip()]
    known: dict[str, Scope] = {scope: scope for scope in SCOPES}
    if wrong := [word for word in words if word not in known]:
        raise BadWish(f"--scope: {wrong[0]!r} is none of {', '.join(SCOPES)}")
    if not words:
        raise BadWish(f"--scope: name at least one of {', '.join(SCOPES)}")
    return frozenset(known[word] for word in words)


def _text(option: str, text: str) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise BadWish(f"{option}: not a printable text of at most {_LONGEST} characters")
    return text


def _whole(option: str, text: str, *, most: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
        raise BadWish(f"{option}: not a whole number from 1 to {most}: {text[:40]!r}")
    return int(text)


def _usd(text: str) -> float | None:
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = 0.0
    if not (math.isfinite(amount) and amount > 0):
        raise BadWish(f"--usd-per-month: not an amount above 0: {text[:40]!r}")
    return amount


def _expiry(text: str, now: datetime) -> datetime:
    try:
        at = now + parse_duration(text)
    except (ValueError, OverflowError):
        at = _instant(text)
    if at <= now:
        raise BadWish(f"--expires: {text!r} is not in the future")
    return at


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadWish(f"--expires: {text[:40]!r} is neither a duration (90d, 12h) nor an ISO date or time") from error
