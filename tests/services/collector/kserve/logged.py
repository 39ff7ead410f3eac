"""CloudEvents as KServe's logger sends them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector.conftest import APP, Collecting

REQUEST, RESPONSE = "org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"
ATTRIBUTES = {
    "specversion": "1.0",
    "source": "http://localhost:9081/",
    "inferenceservicename": APP.name,
    "namespace": "models",
    "component": "predictor",
    "endpoint": "default",
}
CHAT_ASKED = {
    "model": APP.name,
    "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "is it safe?"}],
    "max_tokens": 64,
    "user": "ada",
}
CHAT_ANSWERED = {
    "id": "chatcmpl-0b8c1f3e5a7d49e2b1c0d9e8f7a6b5c4",
    "model": APP.name,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "safe"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 40}},
}
BEGUN = datetime.now(UTC).replace(microsecond=0)


def half(kind: str, call: str, data: object, after_s: float = 0.0, **attributes: object) -> dict[str, Any]:
    """One half of a call in structured mode."""
    time = (BEGUN + timedelta(seconds=after_s)).isoformat()
    return {**ATTRIBUTES, "id": call, "type": kind, "time": time, "data": data, **attributes}


def asked(call: str, data: object = CHAT_ASKED, **attributes: object) -> dict[str, Any]:
    """The request's half."""
    return half(REQUEST, call, data, 0.0, **attributes)


def answered(call: str, data: object = CHAT_ANSWERED, **attributes: object) -> dict[str, Any]:
    """The answer's half, a second and a half later."""
    return half(RESPONSE, call, data, 1.5, **attributes)


def sent_binary(collector: Collecting, event: dict[str, Any], content_type: str = "application/json") -> httpx.Response:
    """Send a half as the logger does: attributes in headers, data (bytes) in the body."""
    headers = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
    return httpx.post(
        f"{collector.url}/v1/events",
        content=event["data"],
        headers={**headers, "content-type": content_type},
        timeout=PATIENCE_S,
    )
