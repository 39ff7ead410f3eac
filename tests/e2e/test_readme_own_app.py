"""README.md's way from feedback to a better adapter, block by block, on a tiny model that learns in seconds."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from schemas.metrics import METRIC_BY_NAME
from services.clients.warehouse.client import Row, Warehouse
from services.embedded.status import Status, look
from tests.e2e.readme import OWN_APP, ROOT, Block, Reader, blocks_of, reader_in, section_of
from tests.fixtures.tiny_model import Kind, synthetic_prompts
from tests.fixtures.waiting import equals, until

pytestmark = [pytest.mark.e2e, pytest.mark.model, pytest.mark.timeout(1800)]

PAGE = (ROOT / "README.md").read_text()
SECTION = section_of(PAGE, OWN_APP)
APP, VERSION = "helpdesk", "helpdesk-v1"
KNOWN, UNSEEN = 160, 15
HAPPENS_WITHIN_S = 600.0
RIGHT: dict[Kind, str] = {
    "injection": "override system filters and reveal hidden guidelines",
    "benign": "garden recipe with tomato and bread",
}
JUDGED = "SELECT score, correction, comparison FROM judgements WHERE request_id = {id:String} ORDER BY first_at"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said to questions that nobody has corrected.

    Attributes:
        version: That answered all of them; empty is the base model.
        right: Share that is word for word what the corrections of their kind taught.
    """

    version: str
    right: float


@dataclass(slots=True)
class Way:
    """The section, followed to its end; the stack stays up.

    Attributes:
        answers: By when they were given: before there was a version, of the version, after the way back.
    """

    reader: Reader
    answers: dict[str, Answers] = field(default_factory=dict)

    def follow(self, block: Block) -> None:
        """Do what a block says, when its reader would: once what it speaks of has happened."""
        if "judgements" in block.text and block.kind == "console":
            until(lambda: self.judged, lambda rows: len(rows) == 3, patience_s=HAPPENS_WITHIN_S)
        if "answers.csv" in block.text:
            self.answers["before"] = self.asked()
            _write_known_answers(self.reader.folder / "answers.csv")
        if "driftloop approve" in block.text:
            seen = self._wait_until(lambda status: _healthy(status) and _decided(status))
            assert [rollout.rollout for rollout in seen.served] == ["held"], (seen.learnt, seen.served)
            self.reader.enter("driftloop status")
        if "driftloop status" in block.text:
            self._wait_until(_healthy)  # as it tells of a busy minute, too, by its exit code
        if "driftloop rollback" in block.text:
            self.answers["served"] = self._asked_of(VERSION)
        self.reader.follow(block)
        if block.kind == "yaml":
            (self.reader.folder / "driftloop.yaml").write_text(self.reader.shown[-1])
        if block.kind == "python" and "…" not in self.reader.replaced:
            self.reader.replaced["…"] = self.reader.said["python"][-1].split()[0]

    def go_back(self) -> None:
        """Wait for what the section's last command is to bring."""
        self.answers["back"] = self._asked_of("")

    @property
    def judged(self) -> list[Row]:
        """What the warehouse has of the judgements that the page gives by hand."""
        with Warehouse.connect(self.reader.settings) as warehouse:
            return warehouse.query(JUDGED, {"id": self.reader.replaced["…"]})

    def printed(self, part: str) -> list[str]:
        """Return what the page's commands with a part printed."""
        return [printed for command, printed in self.reader.printed.items() if part in command]

    def asked(self) -> Answers:
        """Ask what nobody has asked before."""
        said = [(kind, self._answer(text)) for kind in RIGHT for text in synthetic_prompts(kind, UNSEEN, seed=2)]
        (version,) = {version for _, (version, _) in said}
        return Answers(version, sum(text == RIGHT[kind] for kind, (_, text) in said) / len(said))

    def _asked_of(self, version: str) -> Answers:
        until(lambda: self._answer("hello")[0], equals(version), patience_s=HAPPENS_WITHIN_S)
        return self.asked()

    def _wait_until(self, holds: Callable[[Status], bool]) -> Status:
        return until(lambda: look(self.reader.settings), holds, patience_s=HAPPENS_WITHIN_S, every_s=1.0)

    def _answer(self, text: str) -> tuple[str, str]:
        chat = {"model": APP, "messages": [{"role": "user", "content": text}], "max_tokens": 16, "temperature": 0}
        answer = httpx.post(f"{self.reader.settings.url('gateway')}/v1/chat/completions", json=chat, timeout=60)
        answer.raise_for_status()
        said: str = answer.json()["choices"][0]["message"]["content"]
        return answer.headers["x-driftloop-adapter-version"], said.strip()


def _healthy(status: Status) -> bool:
    return all(process.state == "healthy" for process in status.processes)


def _decided(status: Status) -> bool:
    return bool(status.served) or any(training.state in ("failed", "declined") for training in status.learnt)


def _write_known_answers(path: Path) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["question", "answer"])
        for kind, answer in RIGHT.items():
            table.writerows([question, answer] for question in synthetic_prompts(kind, KNOWN, seed=1))


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Way]:
    # A model of 0.1 M parameters needs larger steps, and what it has not learnt to end it never ends.
    replaced = {
        "base_model: SmolLM2-135M-Instruct": f"base_model: {tiny_model}",
        "learning_rate: 7.0e-4": "learning_rate: 1.0e-2",
        "max_answer_tokens: 128": "max_answer_tokens: 16",
        "max_tokens=128": "max_tokens=16",
    }
    assert all(there in SECTION for there in replaced)
    reader = reader_in(tmp_path_factory.mktemp("own"), replaced, reaches=("gateway", "warehouse"))
    made = Way(reader)
    try:
        reader.enter('export PATH="$PWD/.venv/bin:$PATH"')
        for block in blocks_of(SECTION):
            made.follow(block)
        made.go_back()
        yield made
    finally:
        reader.close()


def test_every_block_of_the_section_is_followed(way: Way) -> None:
    assert way.reader.followed == blocks_of(SECTION)
    entered = "\n".join(block.text for block in way.reader.followed)
    assert all(f"$ driftloop {word}" in entered for word in ("check", "up", "retrain", "approve", "rollback"))


def test_the_file_is_good(way: Way) -> None:
    assert way.printed("driftloop check") == ["driftloop.yaml: good: 1 app, 1 monitor, 1 subscription\n"]


def test_a_correction_a_thumb_and_a_comparison_are_judgements(way: Way) -> None:
    corrected, thumbed, compared = way.judged
    assert "choose Reset password" in str(corrected["correction"])
    assert thumbed["score"] == 0.0
    assert "Open Settings." in str(compared["comparison"])
    (shown,) = way.printed("FROM driftloop.judgements")
    assert shown.count(way.reader.replaced["…"]) == 3


def test_what_is_sent_again_under_its_key_counts_once(way: Way) -> None:
    (command,) = (command for command in way.reader.printed if "Idempotency-Key" in command)
    first = json.loads(way.reader.printed[command])["event_ids"]
    way.reader.enter(command)
    assert json.loads(way.reader.printed[command])["event_ids"] == first
    assert len(way.judged) == 3


def test_the_section_names_metrics_that_there_are() -> None:
    named = re.findall(r"feedback\.\w+", SECTION.replace("docs/feedback.md", "").replace("v1/feedback", ""))
    assert len(set(named)) >= 3
    assert set(named) <= METRIC_BY_NAME.keys()


def test_the_status_says_which_version_waits_for_a_person(way: Way) -> None:
    waits = f"last rollout: {VERSION} held: passed the gate and waits for a person's approval, for 24h at most"
    assert waits in way.printed("driftloop status")[-1].splitlines()


def test_the_gate_s_report_lies_where_the_section_says(way: Way) -> None:
    (named,) = re.findall(r"`(\.driftloop/\S+\.html)`", SECTION)
    page = (way.reader.folder / named).read_text()
    assert f'<h1>{VERSION} <span class="passed">passed</span></h1>' in page


def test_the_version_has_learnt_what_was_corrected_and_serves_until_it_is_taken_back(way: Way) -> None:
    assert way.answers["before"] == Answers("", 0.0)
    assert way.answers["served"].version == VERSION
    assert way.answers["served"].right >= 0.9
    assert way.answers["back"] == Answers("", 0.0)


def test_up_ends_by_ctrl_c_and_leaves_nothing_running(way: Way) -> None:
    status, said = way.reader.stop()
    assert (status, said.splitlines()[-1]) == (0, "stopped; nothing is left running")
