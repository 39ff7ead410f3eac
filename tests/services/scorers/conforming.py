"""What the conformance suite runs over: an entry for each scorer of the catalogue, and one of each kind of own."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from schemas.reference import Reference
from schemas.scoring import DeclaredScore, Endpoint, ScorerEntry
from services.scorers.catalogue import CATALOGUE
from services.scorers.contract import Card, Measure, Score, Subject, unjudged
from services.scorers.offers import Wanted
from services.scorers.prompts import PromptScorers
from services.scorers.reference import build_reference
from services.scorers.workshop import Workshop

ENDPOINT = "CONFORMING_ENDPOINT"
SPECIAL: dict[str, ScorerEntry] = {}
"""Entries of catalogue scorers that need more than their name."""
OWN = (
    ScorerEntry(
        name="vowels",
        entry_point="tests.services.scorers.conforming:vowels",
        measures=(DeclaredScore(name="response.vowels", unit="ratio", flagged="dense"),),
    ),
    ScorerEntry(name="moderation", side="response", endpoint=Endpoint(form="moderation", url_env=ENDPOINT)),
    ScorerEntry(
        name="judge",
        side="conversation",
        threshold=0.5,
        endpoint=Endpoint(form="judge", url_env=ENDPOINT, model="judge-1", rubric="How much is it about bread?"),
    ),
)
ENTRIES = (*(SPECIAL.get(listing.name, ScorerEntry(name=listing.name)) for listing in CATALOGUE), *OWN)
_COOKING = [f"how do I {verb} {food}" for verb in ("bake", "boil", "fry", "cut") for food in ("bread", "rice", "eggs")]


@contextmanager
def conforming_workshop(scorers: PromptScorers, data: Path, folder: Path) -> Iterator[Workshop]:
    """A deployment's workshop with a reference of one version, and an endpoint that answers by what it is shown."""
    reference = build_reference("v1", _COOKING, _COOKING, scorers)

    def references(app: str, version: str) -> Reference | None:
        return reference if (app, version) == ("guard", "v1") else None

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        environment = {ENDPOINT: f"http://127.0.0.1:{server.server_port}/v1"}
        yield Workshop(data, folder, references, environment)
        server.shutdown()
        thread.join()


class Answering(BaseHTTPRequestHandler):
    """Moderates and judges by a hash of the text: nobody's opinion, but always the same."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer either form."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps(_moderated(asked["input"]) if "input" in asked else _judged(asked)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _share(text: str) -> float:
    return hashlib.sha256(text.encode()).digest()[0] / 255


def _moderated(text: str) -> Mapping[str, object]:
    score = _share(text)
    result = {"flagged": score > 0.5, "categories": {"violence": score > 0.5}, "category_scores": {"violence": score}}
    return {"id": "modr-1", "results": [result]}


def _judged(asked: Mapping[str, Sequence[Mapping[str, str]]]) -> Mapping[str, object]:
    return {"choices": [{"message": {"role": "assistant", "content": f"{_share(asked['messages'][-1]['content'])}"}}]}


class Vowels:
    """A scorer of a user's own."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self.card = Card(
            name="vowels",
            version="1",
            side="response",
            measures=(Measure(name="response.vowels", unit="ratio", direction="neither", labels=("sparse", "dense")),),
            cost="cheap",
            source="counting",
            blind_spots="All but five letters.",
        )

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return the share of vowels."""
        return [self._row(subject.answer) for subject in subjects]

    def _row(self, answer: str) -> tuple[Score, ...]:
        if not answer:
            return unjudged(self.card, "no answer")
        share = sum(letter in "aeiou" for letter in answer) / len(answer)
        return (Score("response.vowels", share, "dense" if share >= self._threshold else "sparse"),)


def vowels(wanted: Wanted) -> Vowels:
    """A factory, as a user writes one."""
    threshold = wanted.entry.threshold
    return Vowels(0.4 if threshold is None else threshold)
