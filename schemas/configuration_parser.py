"""From YAML text to a Configuration, with errors that name the path of the key and how to mend it."""

import difflib
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.configuration import CHANNEL_NEEDS, Configuration
from schemas.durations import parse_duration
from schemas.false_alarms import parse_false_alarms
from schemas.metrics import METRIC_BY_NAME
from schemas.price_file import BadPrices, read_prices
from schemas.privacy import KINDS
from schemas.scoring import entries_of, fault_of, score_metrics
from schemas.section import Section
from schemas.training_checks import task_fault, training_fault

_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]+)`")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_][A-Z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_AT = re.compile(r" - at `\$?(?P<path>[^`]*)`$")
_DURATIONS = frozenset(
    {
        "approve_within",
        "cooldown",
        "feedback_window",
        "give_up_after",
        "join_horizon",
        "lateness",
        "length",
        "repeat_after",
        "shadow_for",
        "step_for",
        "window",
    }
)


class BadConfiguration(ValueError):
    """The file can't be used. The message is one line: where, what, how to mend."""


class BadPriceFile(BadConfiguration):
    """The prices by model can't be used."""


def expand_variables(text: str, environment: Mapping[str, str]) -> str:
    """Return the text with ${NAME} and ${NAME:-default} replaced from the environment.

    Raises:
        BadConfiguration: A variable without default is not set.
    """

    def value(match: re.Match[str]) -> str:
        found = environment.get(match["name"], match["default"])
        if found is None:
            raise BadConfiguration(f"${{{match['name']}}}: this environment variable is not set")
        return found

    return _VARIABLE.sub(value, text)


def parse_configuration(text: str, folder: Path = Path()) -> Configuration:
    """Return the configuration in a YAML text, with the price file that it names, relative to `folder`.

    Raises:
        BadConfiguration: Not YAML, unknown keys, wrong types, or values that contradict each other.
        BadPriceFile: The prices by model are missing or wrong.
    """
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise BadConfiguration(f"{where}not YAML: {getattr(error, 'problem', None) or 'unreadable'}") from error
    try:
        configuration = _priced(msgspec.convert(_with_prices(tree, folder), Configuration))
    except msgspec.ValidationError as error:
        raise BadConfiguration(_explain(str(error))) from error
    _check_durations(configuration, "")
    _check_references(configuration)
    return configuration


def _with_prices(tree: Any, folder: Path) -> Any:
    if not isinstance(tree, dict) or "prices" not in tree:
        return tree
    try:
        return {**tree, "prices": read_prices(tree["prices"], folder)}
    except BadPrices as error:
        raise BadPriceFile(str(error)) from error


def _priced(configuration: Configuration) -> Configuration:
    apps = (msgspec.structs.replace(app, prices={**configuration.prices, **app.prices}) for app in configuration.apps)
    return msgspec.structs.replace(configuration, apps=tuple(apps))


def _explain(message: str) -> str:
    at = _AT.search(message)
    path = at["path"].lstrip(".") if at else ""
    unknown = _UNKNOWN.search(message)
    if unknown is None:
        return f"{path or 'file'}: {_AT.sub('', message)}"
    key = unknown["key"]
    valid = _keys_at(path)
    near = difflib.get_close_matches(key, valid, n=1, cutoff=0.0)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{f'{path}.{key}' if path else key}: unknown key{hint}"


def _keys_at(path: str) -> list[str]:
    section: type[Any] = Configuration
    for step in re.findall(r"[a-z_]+", path.replace("[...]", "")):
        hints = typing.get_type_hints(section)
        names = {field.encode_name: field.name for field in msgspec.structs.fields(section)}
        section = _section_in(hints[names.get(step, step)]) or section
    return [field.encode_name for field in msgspec.structs.fields(section)]


def _section_in(hint: Any) -> type[Any] | None:
    if typing.get_origin(hint) is None and isinstance(hint, type) and issubclass(hint, Section):
        return hint
    return next(filter(None, map(_section_in, typing.get_args(hint))), None)


def _check_durations(section: msgspec.Struct, path: str) -> None:
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        here = f"{path}.{field.encode_name}".lstrip(".")
        if field.name in _DURATIONS and value:
            try:
                parse_duration(value)
            except ValueError as error:
                raise BadConfiguration(f"{here}: {error}") from error
        for index, item in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(item, Section):
                _check_durations(item, f"{here}[{index}]" if isinstance(value, tuple) else here)


def _check_references(configuration: Configuration) -> None:
    apps = [app.name for app in configuration.apps]
    if not apps:
        raise BadConfiguration("apps: name at least one application")
    _check_scorers(configuration, apps)
    _check_kinds(configuration)
    _check_drift(configuration)
    _check_monitors(configuration, apps)
    _check_policies(configuration, apps)
    for index, subscription in enumerate(configuration.subscriptions):
        for need in CHANNEL_NEEDS[subscription.channel]:
            if not getattr(subscription, need):
                raise BadConfiguration(f"subscriptions[{index}].{need}: the channel {subscription.channel} needs one")
    _must_be_distinct([monitor.name for monitor in configuration.monitors], "monitors")
    _must_be_distinct([subscription.name for subscription in configuration.subscriptions], "subscriptions")
    _must_be_distinct(apps, "apps")


def _check_monitors(configuration: Configuration, apps: list[str]) -> None:
    for index, monitor in enumerate(configuration.monitors):
        here = f"monitors[{index}]"
        _must_be_one_of(monitor.app, apps, f"{here}.app")
        known = {**METRIC_BY_NAME, **score_metrics(entries_of(configuration.scorers, monitor.app))}
        _must_be_one_of(monitor.metric, list(known), f"{here}.metric")
        if (monitor.below is None) == (monitor.above is None):
            raise BadConfiguration(f"{here}: give exactly one of 'below' and 'above'")
        window, length = parse_duration(monitor.window), parse_duration(configuration.windows.length)
        if window % length:
            raise BadConfiguration(f"{here}.window: {monitor.window} is not a multiple of windows.length")


def _check_drift(configuration: Configuration) -> None:
    try:
        parse_false_alarms(configuration.drift.false_alarms)
    except ValueError as error:
        raise BadConfiguration(f"drift.false_alarms: {error}") from error
    detectors = {"drift.feedback.e_detector": "e-detector", "drift.feedback.page_hinkley": "page-hinkley"}
    for index, monitor in enumerate(configuration.monitors):
        needed = detectors.get(monitor.metric, configuration.drift.detector)
        if needed != configuration.drift.detector:
            raise BadConfiguration(f"monitors[{index}].metric: {monitor.metric} needs drift.detector: {needed}")


def _check_policies(configuration: Configuration, apps: list[str]) -> None:
    for index, training in enumerate(configuration.training):
        _must_be_one_of(training.app, apps, f"training[{index}].app")
        if fault := training_fault(training, configuration.apps[apps.index(training.app)]):
            raise BadConfiguration(f"training[{index}].{fault}")
    for index, rollout in enumerate(configuration.rollout):
        _must_be_one_of(rollout.app, apps, f"rollout[{index}].app")
        if rollout.judge and (fault := rollout.judge.fault):
            raise BadConfiguration(f"rollout[{index}].judge.{fault}")


def _check_scorers(configuration: Configuration, apps: list[str]) -> None:
    meanings: dict[str, str] = {}
    for index, entry in enumerate(configuration.scorers):
        here = f"scorers[{index}]"
        if fault := fault_of(entry):
            raise BadConfiguration(f"{here}.{fault}")
        if entry.app:
            _must_be_one_of(entry.app, apps, f"{here}.app")
        for score in entry.declared:
            if meanings.setdefault(score.name, score.flagged) != score.flagged:
                raise BadConfiguration(f"{here}.measures: {score.name} is declared twice, with different labels")
    _must_be_distinct([f"{entry.app}/{entry.name}".lstrip("/") for entry in configuration.scorers], "scorers")


def _check_kinds(configuration: Configuration) -> None:
    for index, app in enumerate(configuration.apps):
        if fault := task_fault(app):
            raise BadConfiguration(f"apps[{index}].{fault}")
        for place, kind in enumerate(app.privacy.kinds):
            _must_be_one_of(kind, list(KINDS), f"apps[{index}].privacy.kinds[{place}]")


def _must_be_one_of(value: str, valid: list[str], path: str) -> None:
    if value not in valid:
        near = difflib.get_close_matches(value, valid, n=1, cutoff=0.0)
        raise BadConfiguration(f"{path}: unknown {value!r}; did you mean {near[0]!r}?")


def _must_be_distinct(names: list[str], path: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadConfiguration(f"{path}: the name {twice!r} stands twice")
