"""Builders of answers, two to a request."""

from datetime import datetime

from schemas.inference import InferenceResponded, Message
from schemas.record import Variant
from tests.services.rollout.builders import APP

V1, V2 = "prompt-guard-v1", "prompt-guard-v2"


def answered(
    request: str, variant: Variant, at: datetime, *, text: str = "", version: str = "", error: str = ""
) -> InferenceResponded:
    """The answer of stable's version, or of the shadow's, to a request."""
    shadow = variant is Variant.SHADOW
    return InferenceResponded(
        event_id=f"{request}-{variant}-{version}",
        occurred_at=at,
        app=APP,
        adapter_version=version or (V2 if shadow else V1),
        variant=variant,
        request_id=request,
        messages=(Message(role="user", content="hello"),),
        output=None if error else Message(role="assistant", content=text or ("kind" if shadow else "rude")),
        error_type=error,
    )
