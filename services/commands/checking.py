"""`driftloop check`: is the configuration good, and does everything answer that it names?"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration, BadPriceFile, expand_variables, parse_configuration
from schemas.durations import parse_duration
from services.commands.outcome import UNUSABLE, WRONG, fail, settings_or_fail
from services.scorers.catalogue import UnknownScorer, check_entries

_FOUR_BITS = "bitsandbytes"


def check(
    file: Annotated[
        Path | None, typer.Argument(help="The YAML file. Default: DRIFTLOOP_CONFIG, driftloop.yaml.")
    ] = None,
    probe: Annotated[bool, typer.Option("--probe", help="Also reach everything; sends marked test alerts.")] = False,
    deadline: Annotated[
        str, typer.Option(metavar="DURATION", help="With --probe: what has not answered by then is wrong.")
    ] = "5s",
) -> None:
    """Validate a configuration without starting anything, and probe what it names.

    Prints one line: what the file holds, or which key is wrong and the nearest right one.

    With --probe it then reaches every upstream, the broker, the warehouse, the control store, the registry, the
    artifacts and every subscription, side by side, and prints a line for each: *ok*; *later*, for what `driftloop up`
    starts here and has not yet; or *wrong*, with what to do. A webhook gets a test alert and its resolution, marked
    as a test in labels and text and signed like a real one. Nothing else is changed anywhere.

    Examples:

        driftloop check
        driftloop check mine.yaml --probe --deadline 10s

    Exit codes: 0 good, and with --probe nothing is wrong; 1 the file or something that it names is wrong; 2 the file
    or its price file can't be used, or a setting or option is wrong.
    """
    path = file or settings_or_fail().configuration
    found = _read(path)
    _check_scorers(found, path)
    parts = (found.apps, "app"), (found.monitors, "monitor"), (found.subscriptions, "subscription")
    counts = ", ".join(f"{len(things)} {noun}{'' if len(things) == 1 else 's'}" for things, noun in parts)
    print(f"{path.name}: good: {counts}", flush=True)
    if any(policy.adapter == "qlora" for policy in found.training) and find_spec(_FOUR_BITS) is None:
        print(f"training: qlora needs the package {_FOUR_BITS} where training runs; it is not installed here")
    if probe and not _probed(found, deadline):
        raise typer.Exit(WRONG)


def _read(path: Path) -> Configuration:
    try:
        return parse_configuration(expand_variables(path.read_text(), os.environ), path.parent)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}", UNUSABLE)
    except BadPriceFile as error:
        fail(f"{path.name}: {error}", UNUSABLE)
    except BadConfiguration as error:
        fail(f"{path.name}: {error}", WRONG)


def _check_scorers(configuration: Configuration, path: Path) -> None:
    try:
        check_entries(configuration.scorers)
    except UnknownScorer as error:
        fail(f"{path.name}: {error}", WRONG)


def _probed(configuration: Configuration, deadline: str) -> bool:
    from services.commands.probing.command import run_probes

    try:
        deadline_s = parse_duration(deadline).total_seconds()
    except ValueError as error:
        fail(f"--deadline: {error}", UNUSABLE)
    return run_probes(configuration, settings_or_fail(), deadline_s)
