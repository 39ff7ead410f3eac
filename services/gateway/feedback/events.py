"""From judgements as clients write them to events. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.configuration import App
from schemas.feedback import FeedbackGiven
from schemas.ids import derived_id
from services.gateway.feedback.answers import comparison_of, correction_of
from services.gateway.feedback.bodies import Feedback
from services.gateway.wire.addresses import ours
from services.parts.access.admitted import Admitted
from services.parts.ingress.errors import Refusal
from services.parts.ingress.pseudonyms import pseudonym


@dataclass(frozen=True, slots=True)
class Giving:
    """What a request tells beside its body.

    Attributes:
        at: When it came.
        retry_key: Its `Idempotency-Key`; empty for none.
        secret: Key of users' pseudonyms.
        new_id: Makes the ids of judgements that nobody has a name for.
    """

    admitted: Admitted
    at: datetime
    retry_key: str
    secret: bytes
    new_id: Callable[[], str]


def feedback_events(given: tuple[Feedback, ...], apps: Mapping[str, App], giving: Giving) -> tuple[FeedbackGiven, ...]:
    """Return the events of judgements, of the tenant of the giver's key when that has one.

    Raises:
        Refusal: 400 no judgement, two that contradict each other, a label the app does not have, or a correction or
            comparison that can't be taken; 403 the giver's key is another app's; 404 an unknown app.
    """
    return tuple(_event(one, index, apps, giving) for index, one in enumerate(given))


def only(apps: Mapping[str, App]) -> str:
    """Return the name of the only app; empty when there are several."""
    return next(iter(apps)) if len(apps) == 1 else ""


def _event(given: Feedback, index: int, apps: Mapping[str, App], giving: Giving) -> FeedbackGiven:
    app = _app(given, index, apps, giving.admitted)
    tenant = giving.admitted.tenant or given.tenant
    try:
        score = _score(given, app)
        return FeedbackGiven(
            event_id=_event_id(given, index, (app.name, tenant), giving),
            occurred_at=giving.at,
            app=app.name,
            model=app.base_model,
            tenant=tenant,
            request_id=ours(given.request_id),
            label=given.label,
            score=score,
            rating=given.rating,
            correction=correction_of(given, app),
            comparison=comparison_of(given),
            signal=given.signal,
            source=given.source,
            user_id=pseudonym(given.user, giving.secret),
            comment=given.comment,
        )
    except Refusal as refusal:
        raise Refusal(
            refusal.status, f"[{index}]: {refusal.message}", code=refusal.code, param=refusal.param
        ) from refusal
    except ValueError as error:
        raise Refusal(400, f"[{index}]: {error}", param="label") from error


def _app(given: Feedback, index: int, apps: Mapping[str, App], admitted: Admitted) -> App:
    name = given.app or admitted.app or only(apps)
    if name not in apps:
        raise Refusal(404, f"[{index}]: no app is called {name!r}", param="app", code="app_not_found")
    admitted.check(name)
    return apps[name]


def _score(given: Feedback, app: App) -> float | None:
    if app.labels and given.label is not None and given.label not in app.labels:
        raise Refusal(400, f"the labels of {app.name} are {', '.join(app.labels)}", param="label")
    if given.thumb is None:
        return given.score
    if given.score is not None:
        raise Refusal(400, "a thumb is a score: say one of them", param="thumb")
    return float(given.thumb == "up")


def _event_id(given: Feedback, index: int, whose: tuple[str, str], giving: Giving) -> str:
    """Return the same id for what is sent again under the same name; the name itself is in no event."""
    about = ("feedback", *whose, ours(given.request_id))
    if given.event_id:
        return derived_id(*about, "event", given.event_id)
    return derived_id(*about, "key", giving.retry_key, index) if giving.retry_key else giving.new_id()
