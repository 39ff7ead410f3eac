"""CloudEvents in HTTP's binary mode, attributes in headers and data in the body, made into structured ones. Pure.

https://github.com/cloudevents/spec, HTTP protocol binding, 3.1.
"""

import base64
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

from services.collector.envelopes import SINGLE_CONTENT_TYPE
from services.collector.mending import UNREADABLE, any_json

_PREFIX = "ce-"
_NO_ATTRIBUTES = ("data", "data_base64")


def structured(headers: Mapping[str, str], body: bytes) -> tuple[bytes, str]:
    """Return body and content type of a structured event for one in binary mode; any other as it came.

    Args:
        headers: Their names in lower case.
    """
    content_type = headers.get("content-type", "")
    if "ce-type" not in headers or content_type.lower().startswith("application/cloudevents"):
        return body, content_type
    event: dict[str, object] = {
        name.removeprefix(_PREFIX): unquote(value) for name, value in headers.items() if name.startswith(_PREFIX)
    }
    for name in _NO_ATTRIBUTES:
        event.pop(name, None)
    return msgspec.json.encode({**event, **_data(body)}), SINGLE_CONTENT_TYPE


def _data(body: bytes) -> dict[str, object]:
    try:
        return {"data": any_json(body)}
    except UNREADABLE:
        return {"data_base64": base64.b64encode(body).decode()}
