import os
from pathlib import Path

import pytest

from schemas.settings import Settings
from services.alerting.watching import Subscriptions
from services.parts.runtime.process import read_configuration

TEXT = """
apps: [{name: prompt-guard, base_model: tiny}]
subscriptions: [{name: terminal, channel: console}]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "driftloop.yaml").write_text(TEXT)
    return Settings.from_environment({"DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml")})


def test_a_changed_file_changes_the_subscriptions(settings: Settings) -> None:
    subscriptions = Subscriptions(settings, read_configuration(settings))
    assert list(subscriptions.by_name) == ["terminal"]
    settings.configuration.write_text(TEXT.replace("terminal", "other-terminal"))
    subscriptions.refresh()
    assert list(subscriptions.by_name) == ["other-terminal"]


def test_a_wrong_file_changes_nothing_until_it_is_mended(settings: Settings) -> None:
    subscriptions = Subscriptions(settings, read_configuration(settings))
    settings.configuration.write_text(TEXT + "nonsense: 1\n")
    subscriptions.refresh()
    assert list(subscriptions.by_name) == ["terminal"]
    settings.configuration.write_text(TEXT.replace("terminal", "mended"))
    subscriptions.refresh()
    assert list(subscriptions.by_name) == ["mended"]


def test_a_reload_asked_for_reads_a_file_that_looks_unchanged(settings: Settings) -> None:
    subscriptions = Subscriptions(settings, read_configuration(settings))
    stat = settings.configuration.stat()
    settings.configuration.write_text(TEXT.replace("terminal", "Terminal".lower()[::-1]))
    os.utime(settings.configuration, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    subscriptions.refresh()
    assert list(subscriptions.by_name) == ["terminal"]
    subscriptions.asked.set()
    subscriptions.refresh()
    assert list(subscriptions.by_name) == ["lanimret"]
