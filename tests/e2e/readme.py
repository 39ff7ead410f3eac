"""A reader of a page: takes its code blocks as they stand and does what they say, in a folder of her own."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from schemas.settings import DEFAULT_PORTS, Settings, port_variable
from tests.fixtures.ports import free_port
from tests.services.commands.parsing import parse

ROOT = Path(__file__).parents[2]
UP = "driftloop up"
IS_UP = "Stop with Ctrl-C"
UP_WITHIN_S = 900.0
DONE_WITHIN_S = 600.0
KEPT = ("DRIFTLOOP_BROKER", "DRIFTLOOP_KAFKA_CACHE")
OWN_APP = "Your own app, from feedback to a better adapter"
_PROMPT = "$ "


class Unreadable(Exception):
    """The page has a block, or a line in one, that the reader does not know how to follow."""


@dataclass(frozen=True, slots=True)
class Block:
    """A code block.

    Attributes:
        kind: What stands behind its fence; "indented" for one without a fence.
        line: Where it begins, from 1.
    """

    kind: str
    text: str
    line: int


def section_of(page: str, heading: str) -> str:
    """Return a section of the second level, its heading included."""
    whole = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL)
    assert whole, f"no section {heading!r}"
    return whole[0]


def blocks_of(page: str) -> list[Block]:
    """Return a page's code blocks in order."""
    return [
        Block(token.info if token.type == "fence" else "indented", token.content, (token.map or [0])[0] + 1)
        for token in MarkdownIt().parse(page)
        if token.type in ("fence", "code_block")
    ]


def inline_commands(page: str) -> list[str]:
    """Return what stands in a page's running text as code and calls driftloop."""
    inline = [child for token in MarkdownIt().parse(page) for child in token.children or ()]
    return [child.content for child in inline if child.type == "code_inline" and child.content.startswith("driftloop ")]


def commands_of(block: Block) -> list[str]:
    """Return the commands of a console block, each with the lines that continue it.

    Raises:
        Unreadable: A line is neither behind a prompt nor a continuation.
    """
    commands: list[str] = []
    for line in block.text.splitlines():
        if line.startswith(_PROMPT):
            commands.append(line.removeprefix(_PROMPT))
        elif commands and commands[-1].endswith("\\"):
            commands[-1] += f"\n{line}"
        else:
            raise Unreadable(f"line {block.line}: no command: {line!r}")
    return commands


class Reader:
    """Follows blocks one after the other.

    Args:
        folder: Where she sits; it has a `.venv`, as a checkout has after `make setup`.
        environment: Her terminal's variables; what a block exports is added.
        replaced: What must differ here, by what the page says instead. May grow while she reads.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], replaced: dict[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.replaced = replaced
        self.followed: list[Block] = []
        self.shown: list[str] = []
        self.said: dict[str, list[str]] = {"console": [], "python": []}
        self.printed: dict[str, str] = {}
        self._up: subprocess.Popen[bytes] | None = None
        (folder / ".venv").symlink_to(sys.prefix)

    def follow(self, block: Block) -> None:
        """Do what a block says.

        Raises:
            Unreadable: Nobody has said how.
            AssertionError: It fails; the message has what it printed.
        """
        text = self._here(block)
        match block.kind:
            case "console":
                for command in commands_of(Block(block.kind, text, block.line)):
                    self.enter(command)
            case "python":
                self.said["python"].append(self._run([sys.executable, "-c", text]))
            case "yaml":
                self.shown.append(text)
            case "mermaid":  # a picture
                assert text.strip()
            case unknown:
                raise Unreadable(f"line {block.line}: a block of kind {unknown!r}")
        self.followed.append(block)

    @property
    def settings(self) -> Settings:
        """Of the stack that she starts."""
        at_home = {"DRIFTLOOP_DATA": str(self.folder / ".driftloop")}
        return Settings.from_environment({**self.environment, **at_home})

    def enter(self, command: str) -> None:
        """Type a command, which may go on over lines, and wait for its end; for `up`, until the stack is up."""
        words = shlex.split(command, comments=True)
        if words[0] == "make":
            _must_be_targets(words[1:])
        elif words[:2] == ["driftloop", "demo"]:
            parse(words[1:])
        elif words == UP.split():
            self._start(command)
        else:
            printed = self._run(["bash", "-ec", f"{command}\nenv -0 > .environment"])
            self.said["console"].append(printed)
            self.printed[command] = printed
            pairs = (self.folder / ".environment").read_text().rstrip("\0").split("\0")
            self.environment = dict(pair.split("=", 1) for pair in pairs)

    def stop(self) -> tuple[int, str]:
        """Press Ctrl-C where `up` runs; return its status and all that it printed."""
        assert self._up is not None, "the page never says `driftloop up`"
        os.killpg(self._up.pid, signal.SIGINT)
        return self._up.wait(DONE_WITHIN_S), self._up_log.read_text()

    def close(self) -> None:
        """Leave nothing running."""
        if self._up is not None and self._up.poll() is None:
            self._up.terminate()
            self._up.wait(DONE_WITHIN_S)

    def _here(self, block: Block) -> str:
        text = block.text
        for there, here in self.replaced.items():
            text = text.replace(there, here)
        usual = next((port for port in DEFAULT_PORTS.values() if re.search(rf"\b{port}\b", text)), None)
        if usual is not None:
            raise Unreadable(f"line {block.line}: nothing replaces the usual port {usual}")
        return text

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DONE_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def _up_log(self) -> Path:
        return self.folder / "up.log"

    def _start(self, command: str) -> None:
        with self._up_log.open("wb") as log:
            self._up = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_WITHIN_S
        # A long path wraps the line.
        while IS_UP not in " ".join(self._up_log.read_text().split()):
            assert self._up.poll() is None, self._up_log.read_text()
            assert time.monotonic() < deadline, self._up_log.read_text()
            time.sleep(0.1)


def reader_in(folder: Path, replaced: dict[str, str], *, reaches: Sequence[str] = ("gateway",)) -> Reader:
    """Return a reader whose stack has free ports.

    Args:
        folder: As for `Reader`.
        replaced: Likewise; the addresses of what she reaches are added.
        reaches: Processes whose usual address the page names.
    """
    ports = {name: free_port() for name in DEFAULT_PORTS}
    mine = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLOOP_") or name in KEPT}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    variables = {port_variable(name): str(port) for name, port in ports.items()}
    addresses = {f"127.0.0.1:{DEFAULT_PORTS[name]}": f"127.0.0.1:{ports[name]}" for name in reaches}
    return Reader(folder, {**mine, **variables, "PYTHONPATH": path}, {**replaced, **addresses})


def _must_be_targets(names: Sequence[str]) -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    known = re.findall(r"^  make ([a-z-]+)", listed, flags=re.MULTILINE)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise Unreadable(f"`make help` does not list {' '.join(unknown) or 'nothing'}")
