"""README.md as its reader runs it: every block but one section's, as it stands, on a stub of her model server."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from schemas.configuration_parser import parse_configuration
from schemas.settings import Settings
from services.alerting.receiver import build_application
from services.clients.warehouse.client import Row, Warehouse
from tests.e2e.readme import (
    OWN_APP,
    ROOT,
    Block,
    Reader,
    Unreadable,
    blocks_of,
    commands_of,
    inline_commands,
    reader_in,
    section_of,
)
from tests.fixtures.http import Served
from tests.fixtures.upstream import StubUpstream
from tests.services.commands.parsing import parse

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

WHOLE = (ROOT / "README.md").read_text()
# What follows the first hour is read by test_readme_own_app.py, on a model that learns.
PAGE = WHOLE.replace(section_of(WHOLE, OWN_APP), "")
ROW_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Hour:
    """The page was followed to its end; the stack is up."""

    reader: Reader
    replicas: tuple[StubUpstream, StubUpstream]
    received: list[dict[str, object]]

    @property
    def request_id(self) -> str:
        """The id that the page's client printed."""
        return self.reader.replaced["…"]


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hour]:
    folder = tmp_path_factory.mktemp("hour")
    secret = re.search(r"^\$ export ALERT_SECRET=(\S+)", PAGE, flags=re.MULTILINE)
    assert secret
    replicas = StubUpstream(), StubUpstream()
    with (
        Served(replicas[0].application) as first,
        Served(replicas[1].application) as second,
        Served(build_application(folder / "alerts.jsonl", secret[1])) as receiver,
    ):
        replaced = {
            "http://vllm-1:8000": first.url,
            "http://vllm-2:8000": second.url,
            "https://alerts.example.org/driftloop": f"{receiver.url}/alerts",
        }
        assert all(there in PAGE for there in replaced)
        reader = reader_in(folder, replaced)
        try:
            for block in blocks_of(PAGE):
                reader.follow(block)
                if block.kind == "python":
                    reader.replaced["…"] = reader.said["python"][-1].split()[0]
            yield Hour(reader, replicas, httpx.get(f"{receiver.url}/alerts").json())
        finally:
            reader.close()


def _row(settings: Settings, sql: str, request_id: str) -> Row:
    deadline = time.monotonic() + ROW_WITHIN_S
    with Warehouse.connect(settings) as warehouse:
        while not (rows := warehouse.query(sql, {"id": request_id})):
            assert time.monotonic() < deadline, sql
            time.sleep(0.1)
    (row,) = rows
    return row


def test_every_block_of_the_page_is_followed(hour: Hour) -> None:
    assert hour.reader.followed == blocks_of(PAGE)
    entered = "\n".join(block.text for block in hour.reader.followed)
    assert all(f"$ driftloop {word}" in entered for word in ("init", "check --probe", "up"))
    assert {block.kind for block in hour.reader.followed} >= {"console", "yaml", "python"}


def test_the_file_that_the_page_shows_is_what_init_writes(hour: Hour) -> None:
    (shown,) = hour.reader.shown
    assert parse_configuration(shown) == parse_configuration((hour.reader.folder / "driftloop.yaml").read_text())


def test_the_probe_told_the_receiver_by_signed_and_marked_test_alerts(hour: Hour) -> None:
    assert [(entry["verified"], "driftloop-test" in str(entry["body"])) for entry in hour.received] == [
        (True, True)
    ] * 2


def test_the_probe_finds_everything_well_once_the_stack_is_up(hour: Hour) -> None:
    hour.reader.enter("driftloop check --probe --deadline 60s")
    assert {line.split()[0] for line in hour.reader.said["console"][-1].splitlines()[1:]} == {"ok"}


def test_the_client_s_call_was_answered_by_the_model_server_and_is_a_row(hour: Hour) -> None:
    assert sum(len(replica.chats) for replica in hour.replicas) == 1
    assert hour.reader.said["python"][0].split(maxsplit=1)[1].strip() == "Hello, this is the stub."
    row = _row(
        hour.reader.settings, "SELECT app, model FROM responses FINAL WHERE request_id = {id:String}", hour.request_id
    )
    assert row == {"app": "support-bot", "model": "my-base"}


def test_the_feedback_is_a_row(hour: Hour) -> None:
    row = _row(
        hour.reader.settings, "SELECT app, score FROM feedback FINAL WHERE request_id = {id:String}", hour.request_id
    )
    assert row == {"app": "support-bot", "score": 1.0}


def test_up_ends_by_ctrl_c_and_leaves_nothing_running(hour: Hour) -> None:
    status, said = hour.reader.stop()
    assert (status, said.splitlines()[-1]) == (0, "stopped; nothing is left running")


@pytest.mark.parametrize("command", inline_commands(WHOLE))
def test_a_command_in_the_running_text_is_one(command: str) -> None:
    parse(command.split()[1:])


@pytest.mark.parametrize(
    "page",
    [
        "```ruby\nputs 1\n```",
        "```\nplain\n```",
        "text\n\n    indented\n",
        "```console\nno prompt\n```",
        "```console\n$ make coffee\n```",
        "```console\n$ curl http://127.0.0.1:18090\n```",
    ],
)
def test_what_the_reader_does_not_know_fails(page: str, tmp_path: Path) -> None:
    (block,) = blocks_of(page)
    with pytest.raises(Unreadable):
        reader_in(tmp_path, {}).follow(block)


def test_a_command_that_fails_fails_and_what_one_exports_stays(tmp_path: Path) -> None:
    reader = reader_in(tmp_path, {})
    reader.follow(Block("console", '$ export GREETING="hello  there"\n$ echo "$GREETING" \\\n    again\n', 1))
    assert reader.said["console"] == ["", "hello  there again\n"]
    with pytest.raises(AssertionError, match="no such thing"):
        reader.follow(Block("console", "$ echo no such thing; false\n", 1))
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        reader.follow(Block("python", "1 / 0", 1))


def test_lines_that_continue_a_command_belong_to_it() -> None:
    assert commands_of(Block("console", "$ one \\\n  two\n$ three\n", 1)) == ["one \\\n  two", "three"]
