"""The command on a real terminal."""

import os
import pty
import subprocess
import sys
import time

from tests.fixtures.http import Served
from tests.fixtures.upstream import BASE, StubUpstream
from tests.services.commands.init.test_init import PATIENCE_S, ROOT, _written


class Terminal:
    """`driftloop init` on a pseudo-terminal, with a person who answers; it ends with the block at the latest."""

    def __init__(self, *arguments: str) -> None:
        self._here, there = pty.openpty()
        command = [sys.executable, "-m", "services.commands.line", "init", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, stdin=there, stdout=there, stderr=there, env=environment)
        os.close(there)
        self.said = ""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._here)

    def answer(self, question: str, text: str) -> None:
        """Wait for a question, then type an answer and Enter."""
        self._until(question)
        os.write(self._here, f"{text}\n".encode())

    def end(self) -> int:
        """Read until it ends and return its status."""
        self._until(None)
        return self._process.wait()

    def _until(self, question: str | None) -> None:
        deadline, seen = time.monotonic() + PATIENCE_S, len(self.said)
        while question is None or question not in self.said[seen:]:
            assert time.monotonic() < deadline, self.said
            try:
                self.said += os.read(self._here, 4096).decode()
            except OSError:  # Linux's way to say that the other end is closed
                assert question is None, self.said
                return


def test_on_a_terminal_it_asks_for_everything_and_asks_again_after_a_wrong_answer() -> None:
    with Served(StubUpstream(["big", "small"], loading="there").application) as server, Terminal() as terminal:
        terminal.answer("name of the app", "Bot")
        terminal.answer("'Bot' is no name", "bot")
        terminal.answer("base URLs of your model server", server.url)
        terminal.answer("environment variable with its key", "")
        terminal.answer("which of big, small", "small")
        terminal.answer("answers that feedback may name as right", "safe, unsafe")
        terminal.answer("alert above this share of failed calls", "0.2")
        terminal.answer("p95 latency", "800")
        terminal.answer("alert below this share of right answers", "")
        terminal.answer("webhook or console", "webhook")
        terminal.answer("where the webhook posts", "https://alerts.example.org/x")
        terminal.answer("signing secret", "")
        assert terminal.end() == 0, terminal.said
    found = _written()
    assert (found.apps[0].name, found.apps[0].base_model, found.apps[0].labels) == ("bot", "small", ("safe", "unsafe"))
    assert [monitor.above or monitor.below for monitor in found.monitors] == [0.2, 800, 0.85]
    assert found.subscriptions[0].secret_env == "ALERT_SECRET"
    assert "driftloop up" in terminal.said


LABELS = ("--label", "safe", "--label", "unsafe")


def test_on_a_terminal_no_question_is_asked_whose_flag_is_there() -> None:
    flags = {
        "--app": "bot",
        "--max-error-ratio": "0.1",
        "--max-latency-ms": "",
        "--min-accuracy": "0.9",
        "--upstream-key-env": "",
    }
    given = [part for pair in flags.items() for part in pair]
    with (
        Served(StubUpstream().application) as server,
        Terminal(*given, "--upstream", server.url, *LABELS, "--channel", "console") as terminal,
    ):
        assert terminal.end() == 0, terminal.said
    assert _written().apps[0].base_model == BASE
