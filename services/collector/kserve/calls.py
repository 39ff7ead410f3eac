"""Two halves become one call, whichever comes first.

Each half is an event at once, because 2xx says that it is on the spool: the request's is whole by itself, and
the answer's lacks what was asked until the other half is there; then it is told again, whole, as the same
event. Halves are remembered within bounds; what comes after its other half was forgotten stays as it is.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from schemas.configuration import App
from schemas.ids import derived_id
from schemas.inference import InferenceRequested, InferenceResponded
from services.collector.kserve.bodies import Answered, Asked
from services.collector.kserve.halves import Half
from services.collector.verdicts import Rejected

_CALLS = 10_000
_BYTES = 64 * 1024 * 1024
_NOT_ASKED = Asked()


@dataclass(frozen=True, slots=True)
class _Pair:
    asked: Half | None = None
    answered: Half | None = None

    @property
    def size(self) -> int:
        return sum(half.size for half in (self.asked, self.answered) if half)

    def with_half(self, half: Half) -> "_Pair":
        return replace(self, asked=half) if isinstance(half.content, Asked) else replace(self, answered=half)


class KServeCalls:
    """The halves of the last 10,000 calls, at most 64 MiB of them. Used from any thread."""

    def __init__(self, apps: Mapping[str, App], calls: int = _CALLS, size: int = _BYTES) -> None:
        self._apps, self._most, self._most_bytes = apps, calls, size
        self._pairs: OrderedDict[tuple[str, ...], _Pair] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def events_of(self, half: Half) -> list[InferenceRequested | InferenceResponded]:
        """Return what a half tells, with the other half where that is known.

        Raises:
            Rejected: No configured app is named by the model or the inference service.
        """
        pair = self._known(half)
        app = self._app_of(pair)
        asked = _requested(pair, half, app)
        events: list[InferenceRequested | InferenceResponded] = [asked] if half is pair.asked else []
        return [*events, _responded(pair, asked)] if pair.answered else events

    def forget(self, half: Half) -> None:
        """Let go of a half that was not taken, so that it spoils no other."""
        with self._lock:
            if pair := self._pairs.pop(half.key, None):
                self._bytes -= pair.size

    def _known(self, half: Half) -> _Pair:
        with self._lock:
            before = self._pairs.pop(half.key, _Pair())
            pair = self._pairs[half.key] = before.with_half(half)
            self._bytes += pair.size - before.size
            while len(self._pairs) > self._most or self._bytes > self._most_bytes:
                self._bytes -= self._pairs.popitem(last=False)[1].size
            return pair

    def _app_of(self, pair: _Pair) -> App:
        halves = [half for half in (pair.asked, pair.answered) if half]
        for name in (*(half.content.model for half in halves), *(half.service for half in halves)):
            if name in self._apps:
                return self._apps[name]
        raise Rejected("neither the model nor inferenceservicename is a configured app")


def _requested(pair: _Pair, half: Half, app: App) -> InferenceRequested:
    asked = pair.asked.content if pair.asked and isinstance(pair.asked.content, Asked) else _NOT_ASKED
    return InferenceRequested(
        event_id=derived_id("kserve", *half.key, "requested"),
        occurred_at=(pair.asked or half).at,
        app=app.name,
        model=app.base_model,
        adapter_version=_version(asked.model or half.content.model, half, app),
        request_id=half.call_id,
        messages=asked.messages,
        user_id=asked.user,
        tags=dict(half.tags),
        sampling=asked.sampling,
    )


def _responded(pair: _Pair, asked: InferenceRequested) -> InferenceResponded:
    assert pair.answered is not None
    answered = pair.answered.content
    assert isinstance(answered, Answered)
    shared = {name: getattr(asked, name) for name in asked.__struct_fields__}
    waited = (pair.answered.at - pair.asked.at).total_seconds() if pair.asked else 0.0
    told = {"response_id": answered.answer_id} if answered.answer_id else {}
    return InferenceResponded(
        **{
            **shared,
            "event_id": derived_id("kserve", *pair.answered.key, "responded"),
            "occurred_at": pair.answered.at,
            "tags": {**pair.answered.tags, **told},
        },
        output=answered.output,
        finish_reason=answered.finish_reason,
        usage=answered.usage,
        latency_ms=max(0.0, waited) * 1000,
        error_type=answered.error_type,
    )


def _version(model: str, half: Half, app: App) -> str:
    """A model name that is neither the app's nor the base's nor the service's is more specific: the fine-tune."""
    return "" if model in (app.name, app.base_model, half.service) else model
