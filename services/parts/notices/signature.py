"""Signed webhooks: HMAC-SHA256 over timestamp and body, so that neither can be changed nor replayed late."""

import hashlib
import hmac
import re

HEADER = "X-Driftloop-Signature"
TOLERANCE_S = 300
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def signed(secret: str, unix_s: int, body: bytes) -> str:
    """Return the header's value: t=<unix seconds>,v1=<hex HMAC over "<t>.<body>">."""
    return f"t={unix_s},v1={_digest(secret, str(unix_s), body)}"


def verified(secret: str, header: str, body: bytes, now_unix_s: float) -> bool:
    """Tell whether a header signs this body with this secret and is no older or newer than TOLERANCE_S."""
    match = _FORM.fullmatch(header)
    if match is None or abs(now_unix_s - int(match[1])) > TOLERANCE_S:
        return False
    return hmac.compare_digest(match[2], _digest(secret, match[1], body))


def _digest(secret: str, unix_s: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{unix_s}.".encode() + body, hashlib.sha256).hexdigest()
