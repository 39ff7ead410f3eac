"""A play may change how its app is trained; the packaged file stays as it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.settings import Settings
from services.commands.demo.configured import exchange, with_own_configuration
from services.commands.demo.programme import play_named


def own(folder: Path) -> Settings:
    plain = Settings.from_environment({"DRIFTLOOP_DATA": str(folder)})
    return with_own_configuration(replace(plain, configuration=play_named("triage").configuration))


def test_training_changes_in_a_copy_of_the_configuration(tmp_path: Path) -> None:
    packaged, file = play_named("triage").configuration, own(tmp_path).configuration
    exchange(file, {"method: sft": "method: kto"})
    assert file.parent == tmp_path
    assert file.read_text() == packaged.read_text().replace("method: sft", "method: kto")
    assert "method: kto" not in packaged.read_text()


def test_a_line_that_is_not_there_is_not_exchanged_in_silence(tmp_path: Path) -> None:
    file = own(tmp_path).configuration
    before = file.read_text()
    with pytest.raises(ValueError, match="no line 'method: magic'"):
        exchange(file, {"method: sft": "method: kto", "method: magic": "method: kto"})
    assert file.read_text() == before
