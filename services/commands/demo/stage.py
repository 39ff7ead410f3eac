"""What all acts share: the running stack, its users, and the operator's hands."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from schemas.codec import to_rfc3339
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, Message
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import INBOUND, topic_of
from services.clients.bus.producer import Producer
from services.commands.demo.narrator import Narrator
from services.commands.demo.observer import NothingHappened, Observer, Row
from services.commands.demo.prompt import Prompt
from services.commands.demo.scenario import Scenario
from services.commands.demo.traffic import Traffic
from services.parts.certificates import own_trust

IMPORT_CHUNK = 100


@dataclass(slots=True)
class Sent:
    """Ids of what the demonstration itself sent beside its users' calls."""

    imported_requests: set[str]
    imported_feedback: set[str]
    malformed: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything an act needs.

    Attributes:
        model_server: Where held-out prompts are answered by a version of one's choice.
        headers: Of what is sent to control and collector: the key by which the demonstration comes in.
    """

    scenario: Scenario
    settings: Settings
    base_model: str
    model_server: str
    observer: Observer
    traffic: Traffic
    narrator: Narrator
    sent: Sent
    headers: Mapping[str, str] = field(default_factory=dict)

    def order(self, path: str, **body: object) -> dict[str, str]:
        """Send an operator's order to the control process and return the ids it gave."""
        response = httpx.post(
            f"{self.settings.url('control')}{path}",
            json={"app": self.scenario.app, **body},
            headers=dict(self.headers),
            timeout=30,
            verify=own_trust(self.settings, "control"),
        )
        if response.status_code != 202:
            raise RuntimeError(f"control refused {path}: {response.status_code} {response.text}")
        return dict(response.json())

    def import_history(self, prompts: Sequence[Prompt]) -> None:
        """Send labelled traffic of the past through the collector, as a newcomer with logs would."""
        began, trust = datetime.now(UTC) - timedelta(minutes=5), own_trust(self.settings, "collector")
        for start in range(0, len(prompts), IMPORT_CHUNK):
            records: list[Record] = []
            for index, prompt in enumerate(prompts[start : start + IMPORT_CHUNK], start):
                records += _past(self.scenario, prompt, began + timedelta(milliseconds=100 * index))
            lines = b"\n".join(_cloud_event(record) for record in records)
            response = httpx.post(
                f"{self.settings.url('collector')}/v1/events",
                content=lines,
                headers={"content-type": "application/x-ndjson", **self.headers},
                timeout=60,
                verify=trust,
            )
            if response.status_code != 202:
                raise RuntimeError(f"collector refused history: {response.status_code} {response.text[:200]}")
            self.sent.imported_requests |= {r.request_id for r in records if isinstance(r, InferenceRequested)}
            self.sent.imported_feedback |= {r.event_id for r in records if isinstance(r, FeedbackGiven)}

    def send_malformed(self) -> None:
        """Put one undecodable message on each inbound topic."""
        producer = Producer(self.settings, "demo")
        for topic in INBOUND:
            producer.send_raw(topic.name, b'{"this is": "not an event', key=b"malformed")
        producer.flush()
        producer.close()
        self.sent.malformed += len(INBOUND)

    def promoted(self, version: str) -> Row:
        """Wait until a version is promoted.

        Raises:
            NothingHappened: Its rollout ended otherwise, or not in time.
        """
        ended = "adapter_version = {version:String} AND state IN ('promoted', 'rolled_back', 'refused', 'failed')"
        end = self.observer.wait_for(
            f"promotion of {version}",
            lambda: self.observer.first("rollouts", ended, version=version),
            patience_s=self.scenario.patience_s,
            sign=lambda: self.observer.rollout_progress(version),
        )
        if end["state"] != "promoted":
            raise NothingHappened(f"{version} was not promoted but {end['state']}: {end['reason']}")
        return end


def _past(scenario: Scenario, prompt: Prompt, occurred_at: datetime) -> tuple[Record, Record]:
    request_id = str(uuid.uuid4())
    messages = msgspec.convert(list(prompt.messages), tuple[Message, ...])
    return (
        InferenceRequested(
            event_id=str(uuid.uuid4()),
            occurred_at=occurred_at,
            app=scenario.app,
            request_id=request_id,
            messages=messages,
            tags={"slice": prompt.slice},
        ),
        FeedbackGiven(
            event_id=str(uuid.uuid4()),
            occurred_at=occurred_at + timedelta(seconds=1),
            app=scenario.app,
            request_id=request_id,
            label=prompt.known.label,
            correction=prompt.known.message,
            source="import",
        ),
    )


def _cloud_event(record: Record) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": record.event_id,
            "source": "demo/import",
            "type": topic_of(record).name,
            "time": to_rfc3339(record.occurred_at),
            "datacontenttype": "application/json",
            "data": record,
        }
    )
