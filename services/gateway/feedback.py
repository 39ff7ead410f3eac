"""From the body of POST /v1/feedback to events. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

import msgspec

from schemas.configuration import App
from schemas.feedback import FeedbackGiven
from schemas.record import Identifier, Name, Ratio
from services.gateway.wire.addresses import ours
from services.parts.access.admitted import Admitted
from services.parts.ingress.errors import Refusal

_MOST = 1000
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")


class Feedback(msgspec.Struct, frozen=True):
    """One judgement as clients write it; `app` may be left out when only one is served."""

    request_id: Identifier
    app: Name = ""
    label: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    score: Ratio | None = None
    source: Name = "user"
    comment: Annotated[str, msgspec.Meta(max_length=8192)] = ""
    tenant: Name = ""


_DECODER = msgspec.json.Decoder(Feedback | Annotated[list[Feedback], msgspec.Meta(max_length=_MOST, min_length=1)])


def parse_feedback(body: bytes) -> tuple[Feedback, ...]:
    """Return the judgements in a body: one object, or an array of them.

    Raises:
        Refusal: 400, naming the element and the field; nothing of the array is taken then.
    """
    try:
        given = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "the body is not valid JSON", code="invalid_json") from error
    return (given,) if isinstance(given, Feedback) else tuple(given)


def _invalid(error: msgspec.ValidationError) -> Refusal:
    text = str(error)
    at = _AT.search(text)
    missing = re.search(r"missing required field `([^`]+)`", text)
    path = ".".join(part for part in (at["path"] if at else "", missing[1] if missing else "") if part)
    return Refusal(400, _AT.sub("", text), param=path, code="invalid_value")


def feedback_events(
    given: tuple[Feedback, ...], apps: Mapping[str, App], admitted: Admitted, *, at: datetime, new_id: Callable[[], str]
) -> tuple[FeedbackGiven, ...]:
    """Return the events of judgements, of the tenant of the giver's key when that has one.

    Raises:
        Refusal: 400 neither label nor score, or a label the app does not have; 403 the giver's key is another app's;
            404 an unknown app.
    """
    return tuple(
        _event(one, _app(one, index, apps, admitted), admitted.tenant or one.tenant, at=at, event_id=new_id())
        for index, one in enumerate(given)
    )


def only(apps: Mapping[str, App]) -> str:
    """Return the name of the only app; empty when there are several."""
    return next(iter(apps)) if len(apps) == 1 else ""


def _app(given: Feedback, index: int, apps: Mapping[str, App], admitted: Admitted) -> App:
    name = given.app or admitted.app or only(apps)
    if name not in apps:
        raise Refusal(404, f"[{index}]: no app is called {name!r}", param="app", code="app_not_found")
    admitted.check(name)
    app = apps[name]
    if given.label is None and given.score is None:
        raise Refusal(400, f"[{index}]: feedback needs a label or a score", param="label")
    if app.labels and given.label is not None and given.label not in app.labels:
        raise Refusal(400, f"[{index}]: the labels of {name} are {', '.join(app.labels)}", param="label")
    return app


def _event(given: Feedback, app: App, tenant: str, *, at: datetime, event_id: str) -> FeedbackGiven:
    return FeedbackGiven(
        event_id=event_id,
        occurred_at=at,
        app=app.name,
        model=app.base_model,
        tenant=tenant,
        request_id=ours(given.request_id),
        label=given.label,
        score=given.score,
        source=given.source,
        comment=given.comment,
    )
