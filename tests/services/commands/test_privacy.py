"""`driftloop privacy`: kinds, a try, a new key."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.privacy import KINDS
from services.commands.line import app
from services.privacy.pseudonyms import Keys


def test_every_kind_is_listed_with_what_it_is() -> None:
    told = CliRunner().invoke(app, ["privacy", "kinds"]).output

    assert [line.split()[0] for line in told.splitlines()] == list(KINDS)
    assert "IBAN " in told


def test_a_text_is_printed_as_it_would_be_kept() -> None:
    told = CliRunner().invoke(app, ["privacy", "try"], input="write to jane@example.com\n")

    assert told.output == "write to [EMAIL]\n"


def test_a_new_key_is_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLOOP_DATA", str(tmp_path))
    before = Keys(tmp_path).current()

    assert CliRunner().invoke(app, ["privacy", "rotate"]).output == "key 2 is in force\n"
    assert Keys(tmp_path).current() != before
