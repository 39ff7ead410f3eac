"""Whether a key opens what is asked, and how a refusal is said in OpenAI's form. Pure."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.access import AccessKey, KeyLimits, Scope, Spent, next_month
from services.parts.ingress.errors import Refusal

MINUTE_S = 60.0
_HOW = "send it as `Authorization: Bearer dl_...`, `api-key` or `x-api-key`"


@dataclass(frozen=True, slots=True)
class Denial:
    """Why somebody does not come in. The message repeats nothing of what was sent.

    Attributes:
        code: OpenAI's `code`; also what denials are counted by.
        kind: OpenAI's `type`.
        retry_after_s: When it may be tried again with success; None for never.
    """

    status: int
    code: str
    message: str
    kind: str = "invalid_request_error"
    retry_after_s: int | None = None

    @property
    def refusal(self) -> Refusal:
        """The answer to it."""
        headers = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s is not None else {}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Refusal(self.status, self.message, kind=self.kind, code=self.code, headers=headers)


def unknown(*, told: bool) -> Denial:
    """Return the denial of who has no key, or one that nobody made."""
    why = "this API key is not known" if told else f"an API key of driftloop is needed: {_HOW}"
    return Denial(401, "invalid_api_key", why)


def closed(key: AccessKey, now: datetime) -> Denial | None:
    """Return the denial of a key that opens nothing any more."""
    state = key.state(now)
    why = {"revoked": "this API key was revoked", "expired": "this API key has expired"}.get(state)
    return Denial(401, "invalid_api_key", why) if why else None


def out_of_scope(key: AccessKey, needed: Collection[Scope]) -> Denial | None:
    """Return the denial of a key that has none of the scopes of which one is needed."""
    if not key.scopes.isdisjoint(needed):
        return None
    return Denial(403, "insufficient_scope", f"this API key lacks the scope {' or '.join(sorted(needed))}")


def other_app(app: str, asked: str) -> Denial | None:
    """Return the denial of a key of another app; a key of no app is for all."""
    return (
        Denial(403, "app_not_allowed", f"this API key is for the app {app!r} alone") if app not in ("", asked) else None
    )


def over_minute(taken: Sequence[float], limits: KeyLimits, at: float) -> Denial | None:
    """Return the denial of a key that has made its requests of the last 60 seconds.

    Args:
        taken: When the last requests were let in, oldest first, as many as the limit at most.
        at: Now, by the same clock in seconds.
    """
    most = limits.requests_per_minute
    if most is None or len(taken) < most or at - taken[-most] >= MINUTE_S:
        return None
    wait_s = math.ceil(MINUTE_S - (at - taken[-most]))
    return Denial(
        429,
        "rate_limit_exceeded",
        f"this API key may make {most} requests a minute; try again in {wait_s} s",
        kind="requests",
        retry_after_s=max(1, wait_s),
    )


def over_month(limits: KeyLimits, spent: Spent, now: datetime) -> Denial | None:
    """Return the denial of a key that has used up its month."""
    bounds = (
        (limits.tokens_per_month, spent.tokens, "{:,} tokens"),
        (limits.usd_per_month, spent.usd, "{:.2f} USD"),
    )
    for most, used, shown in bounds:
        if most is not None and used >= most:
            end = next_month(now)
            said = (
                f"this API key has used its {shown.format(most)} of the month, which ends at {end:%Y-%m-%dT00:00:00Z}"
            )
            wait_s = math.ceil((end - now).total_seconds())
            return Denial(429, "insufficient_quota", said, kind="insufficient_quota", retry_after_s=wait_s)
    return None
