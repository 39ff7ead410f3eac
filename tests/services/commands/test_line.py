import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import IO

import pytest
from typer.testing import CliRunner, Result

from schemas.settings import port_variable
from services.commands.line import app
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S
from tests.services.commands.parsing import commands, parse

GOOD = "apps:\n  - {name: guard, base_model: tiny}\n"


def driftloop(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRIFTLOOP_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DRIFTLOOP_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_says_what_a_good_file_holds(folder: Path) -> None:
    (folder / "driftloop.yaml").write_text(GOOD)
    result = driftloop("check")
    assert (result.exit_code, result.output) == (0, "driftloop.yaml: good: 1 app, 0 monitors, 0 subscriptions\n")


def test_check_names_the_path_of_a_wrong_key_and_the_nearest_valid_one(folder: Path) -> None:
    (folder / "mine.yaml").write_text("apps:\n  - {name: guard, base_modle: tiny}\n")
    result = driftloop("check", "mine.yaml")
    assert result.exit_code == 1
    assert result.stderr == "driftloop: mine.yaml: apps[0].base_modle: unknown key; did you mean 'base_model'?\n"


def test_check_says_what_four_bits_need_where_it_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "driftloop.yaml").write_text(f"{GOOD}training:\n  - {{app: guard, adapter: qlora}}\n")
    monkeypatch.setattr("services.commands.checking.find_spec", lambda _: None)
    result = driftloop("check")
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "training: qlora needs the package bitsandbytes where training runs; it is not installed here"
    ]


def test_check_of_a_missing_file_is_one_line_and_status_2(folder: Path) -> None:
    result = driftloop("check", "nowhere.yaml")
    assert (result.exit_code, result.stderr) == (2, "driftloop: nowhere.yaml: No such file or directory\n")


def test_check_of_something_that_is_no_text_is_one_line_and_status_2(folder: Path) -> None:
    (folder / "noise.yaml").write_bytes(b"\xff\xfe\x00\x01")
    result = driftloop("check", "noise.yaml")
    assert (result.exit_code, result.stderr) == (2, "driftloop: noise.yaml: not a text file\n")


def test_check_of_a_bad_price_file_is_one_line_that_names_the_model_and_status_2(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "driftloop.yaml").write_text(f"prices: prices.yaml\n{GOOD}")
    (folder / "mine" / "prices.yaml").write_text("gpt-4o: {input: cheap}\n")
    result = driftloop("check", "mine/driftloop.yaml")
    said = "driftloop.yaml: prices: prices.yaml: gpt-4o: input: Expected `float`, got `str`"
    assert (result.exit_code, result.stderr) == (2, f"driftloop: {said}\n")


def test_check_expands_variables_as_the_processes_do(folder: Path) -> None:
    (folder / "driftloop.yaml").write_text(GOOD.replace("tiny", "${NOT_SET_ANYWHERE:-tiny}"))
    assert driftloop("check").exit_code == 0


def test_a_setting_that_is_no_port_is_one_line_and_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLOOP_GATEWAY_PORT", "ninety")
    result = driftloop("up")
    assert (result.exit_code, result.stderr) == (2, "driftloop: DRIFTLOOP_GATEWAY_PORT: not a port: 'ninety'\n")


def test_up_without_a_configuration_is_one_line_and_status_2(folder: Path) -> None:
    result = driftloop("up")
    assert result.exit_code == 2
    assert result.stderr == (
        f"driftloop: {folder / 'driftloop.yaml'}: No such file or directory; `driftloop init` writes one, "
        "DRIFTLOOP_CONFIG names one\n"
    )


def test_down_without_a_stack_says_so(folder: Path) -> None:
    result = driftloop("down")
    assert (result.exit_code, result.output) == (0, f"nothing runs on {folder / 'data'}\n")


COMMANDS = tuple(commands())


def test_help_lists_every_command() -> None:
    output = driftloop("--help").output
    assert COMMANDS
    for words in COMMANDS:
        assert f" {words[0]} " in output


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_of_a_command_says_its_exit_codes_and_shows_examples_that_it_takes(
    words: tuple[str, ...], folder: Path
) -> None:
    (folder / "my-adapter").mkdir()
    output = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"}).output
    _, _, exits = output.partition("Exit codes: 0 ")
    assert " 2 " in exits
    examples = [line for line in output.partition("Example")[2].splitlines() if f"driftloop {' '.join(words)}" in line]
    assert examples
    for example in examples:
        parse(shlex.split(example.partition("driftloop ")[2]))


def test_help_is_fast_because_nothing_heavy_is_imported() -> None:
    heavy = ("torch", "kafka", "clickhouse_connect", "chdb", "pandas", "httpx", "psutil")
    code = f"import sys, services.commands.line; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.curdir)
    assert found.stdout == "[]\n"


class _Control(BaseHTTPRequestHandler):
    orders: list[tuple[str, dict[str, object]]]
    answer = 202

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.orders.append((self.path, json.loads(body)))
        self.send_response(self.answer)
        self.end_headers()
        self.wfile.write(b'{"order_id": "o-1"}' if self.answer == 202 else b"no such app")

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Control]]:
    handler = type("Handler", (_Control,), {"orders": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("DRIFTLOOP_CONTROL_PORT", str(server.server_port))
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_rollout_past_the_gate_is_ordered_with_name_and_reason(control: type[_Control]) -> None:
    result = driftloop("rollout", "start", "guard", "guard-v3", "--override-gate", "--by", "kim", "--reason", "a drill")
    assert (result.exit_code, json.loads(result.output)) == (0, {"order_id": "o-1"})
    order = {"app": "guard", "adapter_version": "guard-v3", "action": "start"}
    assert control.orders == [
        ("/v1/rollouts", {**order, "override_gate": True, "ordered_by": "kim", "reason": "a drill"})
    ]


def test_overriding_the_gate_without_a_reason_is_refused_here(control: type[_Control]) -> None:
    result = driftloop("rollout", "start", "guard", "guard-v3", "--override-gate")
    assert (result.exit_code, result.stderr) == (2, "driftloop: --override-gate needs a --reason\n")
    assert control.orders == []


def test_a_version_is_ordered_back(control: type[_Control]) -> None:
    assert driftloop("rollout", "roll-back", "guard", "guard-v3", "--by", "kim").exit_code == 0
    assert control.orders[0][1]["action"] == "roll_back"


def test_a_version_that_shadows_is_ordered_to_everybody(control: type[_Control]) -> None:
    assert driftloop("rollout", "promote", "guard", "guard-v3", "--by", "kim", "--reason", "read it").exit_code == 0
    assert (control.orders[0][1]["action"], control.orders[0][1]["adapter_version"]) == ("promote", "guard-v3")


@pytest.mark.parametrize(
    ("option", "order"),
    [
        ((), {}),
        (("--to", "guard-v1"), {"back_to": "guard-v1"}),
        (("--to", "base"), {"back_to": ""}),
    ],
)
def test_an_earlier_version_is_ordered_back_with_its_reason(
    control: type[_Control], option: tuple[str, ...], order: dict[str, str]
) -> None:
    result = driftloop("rollback", "guard", *option, "--by", "kim", "--reason", "it invents numbers")
    assert result.exit_code == 0
    whole = {"app": "guard", "action": "roll_back", "ordered_by": "kim", "reason": "it invents numbers", **order}
    assert control.orders == [("/v1/rollouts", whole)]


def test_nobody_goes_back_without_a_reason(control: type[_Control]) -> None:
    assert driftloop("rollback", "guard").exit_code == 2
    assert control.orders == []


def test_a_new_version_is_ordered(control: type[_Control]) -> None:
    assert driftloop("retrain", "guard", "--by", "kim", "--reason", "300 corrections").exit_code == 0
    order = {"app": "guard", "requested_by": "kim", "reason": "300 corrections"}
    assert control.orders == [("/v1/retrainings", order)]


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_a_person_gives_a_word_with_a_reason(control: type[_Control], decision: str) -> None:
    assert driftloop(decision, "guard", "guard-v3", "--by", "kim", "--reason", "read it").exit_code == 0
    said = {"app": "guard", "adapter_version": "guard-v3", "decision": decision, "decided_by": "kim"}
    assert control.orders == [("/v1/approvals", {**said, "reason": "read it"})]


def test_a_word_without_a_reason_is_refused_here(control: type[_Control]) -> None:
    assert driftloop("approve", "guard", "guard-v3").exit_code == 2
    assert control.orders == []


def test_an_adapter_is_proposed_by_its_absolute_folder(control: type[_Control], folder: Path) -> None:
    (folder / "mine").mkdir()
    assert driftloop("adapters", "propose", "guard", "mine", "--by", "kim").exit_code == 0
    assert control.orders == [
        (
            "/v1/proposals",
            {"app": "guard", "artifact_uri": str(folder / "mine"), "proposed_by": "kim", "reason": ""},
        )
    ]


def test_what_control_refuses_is_said_with_status_1(control: type[_Control]) -> None:
    control.answer = 404
    result = driftloop("rollout", "roll-back", "nobody", "x")
    assert (result.exit_code, result.stderr) == (1, "driftloop: control refused (404): no such app\n")


def test_an_order_to_nobody_is_one_line_and_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLOOP_CONTROL_PORT", str(free_port()))
    result = driftloop("rollout", "roll-back", "guard", "guard-v3")
    assert result.exit_code == 2
    assert "is the stack up? See `driftloop status`" in result.stderr


@pytest.mark.broker
@pytest.mark.warehouse
def test_status_of_nothing_is_json_with_status_1(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("broker", "warehouse"):
        monkeypatch.setenv(port_variable(name), str(free_port()))
    ended = subprocess.run(
        [sys.executable, "-m", "services.commands.line", "status", "--json"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    seen = json.loads(ended.stdout)
    assert (ended.returncode, seen["running"], seen["processes"]) == (1, False, [])
    assert len(seen["unknown"]) == 2


STACK = """
import sys
from rich.console import Console
from schemas.settings import Settings
from services.embedded.supervisor import Supervisor
from services.embedded.terminal import run_stack
from tests.services.embedded.test_supervisor import QUICK, program
settings = Settings.from_environment()
run_stack(Supervisor(settings, [program("gateway"), program("sink")], patience=QUICK), settings, Console())
"""


def _line_before_the_last(output: IO[str]) -> str:
    """Return the next line that a stack prints before it stays, empty once it stays or has ended."""
    line = output.readline()
    return "" if "Stop with Ctrl-C" in line else line


@pytest.mark.parametrize("how", ["down", "Ctrl-C"])
def test_a_running_stack_ends_cleanly_by(how: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gateway", "sink"):
        monkeypatch.setenv(port_variable(name), str(free_port()))
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", STACK], cwd=root, stdout=subprocess.PIPE, text=True) as stack:
        assert stack.stdout is not None
        up = "".join(iter(partial(_line_before_the_last, stack.stdout), ""))
        if how == "down":
            assert driftloop("down").output == "stopped\n"
        else:
            stack.send_signal(signal.SIGINT)
        output, _ = stack.communicate(timeout=PATIENCE_S)
    assert stack.returncode == 0
    assert "point OpenAI clients here" in up
    assert output.endswith("stopped; nothing is left running\n")
