"""The configuration of a play whose training changes between the acts, as its owners would change it."""

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

from schemas.settings import Settings


def with_own_configuration(settings: Settings) -> Settings:
    """Return settings on a copy of their configuration in the data folder, which the acts may change."""
    copy = settings.data / settings.configuration.name
    shutil.copyfile(settings.configuration, copy)
    return dataclasses.replace(settings, configuration=copy)


def exchange(file: Path, lines: Mapping[str, str]) -> None:
    """Exchange lines of a configuration, old to new, all at once; processes read it whole, before or after.

    Raises:
        ValueError: A line to exchange is not there; the file is as it was.
    """
    text = file.read_text(encoding="utf-8")
    for old, new in lines.items():
        if old not in text:
            raise ValueError(f"{file.name} has no line {old!r} to exchange")
        text = text.replace(old, new)
    scratch = file.with_suffix(".tmp")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(file)
