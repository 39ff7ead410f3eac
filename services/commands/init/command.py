"""`driftloop init`: flags, questions and the upstreams' own words become a driftloop.yaml.

Order of effects: 1. answers are judged, 2. the upstreams are asked, 3. the file is written, whole or not at all.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.configuration_parser import BadConfiguration, expand_variables, parse_configuration
from services.commands.init import judging
from services.commands.init.acquaintance import Acquaintance
from services.commands.init.draft import Channel, Draft, text_of
from services.commands.init.questions import Question, Questions
from services.commands.outcome import UNUSABLE, fail, program, settings_or_fail

_PACKAGED = "SmolLM2-135M-Instruct"

_APP = Question("--app", "name of the app, which clients send as `model`", judging.app_name)
_UPSTREAMS = Question(
    "--upstream", "base URLs of your model server, comma-separated (none: driftloop's own)", judging.upstream_url
)
_KEY = Question(
    "--upstream-key-env",
    "environment variable with its key (none: clients bring their own)",
    judging.variable,
    default="",
)
_LABELS = Question(
    "--label", "answers that feedback may name as right, comma-separated (none: not a classifier)", judging.words
)
_ERRORS = Question("--max-error-ratio", "alert above this share of failed calls", judging.ratio, default="0.05")
_LATENCY = Question(
    "--max-latency-ms", "alert above this p95 latency in ms (none: not watched)", judging.milliseconds, default=""
)
_ACCURACY = Question("--min-accuracy", "alert below this share of right answers", judging.ratio, default="0.85")
_URL = Question("--url", "where the webhook posts alerts", judging.webhook_url)
_SECRET = Question(
    "--secret-env",
    "environment variable with the webhook's signing secret (none: not signed)",
    judging.variable,
    default="",
    offered="ALERT_SECRET",
)


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says; None and empty where it says nothing."""

    app: str | None
    base_model: str | None
    upstreams: tuple[str, ...]
    upstream_key_env: str | None
    labels: tuple[str, ...]
    max_error_ratio: str | None
    max_latency_ms: str | None
    min_accuracy: str | None
    channel: str | None
    url: str | None
    secret_env: str | None


def write_configuration(flags: Flags, output: Path | None, *, force: bool) -> None:
    """Write the file and say how to go on. A mistake, and a file that is there already, end the command."""
    settings = settings_or_fail()
    target = output or settings.configuration
    if target.exists() and not force:
        fail(f"{_named(target)} is there already; --force overwrites it, --output writes another", UNUSABLE)
    text = text_of(_drafted(flags, Questions(terminal=sys.stdin.isatty()), settings.url("gateway")))  # 1, 2
    try:
        parse_configuration(expand_variables(text, os.environ))
        _replace(target, text)  # 3
    except BadConfiguration as error:
        fail(f"{error}; nothing is written", UNUSABLE)
    except OSError as error:
        fail(f"{_named(target)}: {error.strerror}", UNUSABLE)
    print(_next_steps(target, usual=target.absolute() == settings.configuration))


def _drafted(flags: Flags, questions: Questions, gateway: str) -> Draft:
    app = questions.one(_APP, flags.app)
    upstreams = questions.several(_UPSTREAMS, flags.upstreams)
    if gateway in upstreams:
        fail(f"--upstream: {gateway} is driftloop's own gateway; name the model server behind it", UNUSABLE)
    key_env = _key_env(flags.upstream_key_env, questions, upstreams)
    known = Acquaintance(upstreams, os.environ.get(key_env, ""))
    known.tell()
    base_model = _base_model(flags.base_model, questions, known)
    known.check(base_model)
    labels = _labels(flags.labels, questions)
    max_error_ratio = questions.one(_ERRORS, flags.max_error_ratio)
    max_latency_ms = questions.one(_LATENCY, flags.max_latency_ms)
    min_accuracy = questions.one(_ACCURACY, flags.min_accuracy)
    channel, url, secret_env = _subscription(flags, questions)
    loading, reason = known.loading
    return Draft(
        app=app,
        base_model=base_model,
        upstreams=upstreams,
        upstream_key_env=key_env,
        labels=labels,
        max_error_ratio=max_error_ratio,
        max_latency_ms=max_latency_ms,
        min_accuracy=min_accuracy,
        channel=channel,
        url=url,
        secret_env=secret_env,
        loading=loading,
        reason=reason,
        dialect=known.dialect,
    )


def _labels(given: Sequence[str], questions: Questions) -> tuple[str, ...]:
    labels = tuple(dict.fromkeys(questions.several(_LABELS, given)))
    if len(labels) == 1:
        fail("--label: one answer leaves no choice; give two or more, or none", UNUSABLE)
    return labels


def _key_env(given: str | None, questions: Questions, upstreams: Sequence[str]) -> str:
    if upstreams:
        return questions.one(_KEY, given)
    if given is not None:
        fail("--upstream-key-env: driftloop's own model server wants no key; give --upstream too", UNUSABLE)
    return ""


def _base_model(given: str | None, questions: Questions, known: Acquaintance) -> str:
    if given is None and len(known.bases) == 1:
        return known.bases[0]
    if known.bases:
        text, offered = f"which of {', '.join(known.bases)}", None
    elif known.urls:
        text, offered = "what your model server calls the base; it does not say", None
    else:
        text = f"a model for driftloop's own server, where {_PACKAGED} comes along; --upstream asks yours"
        offered = _PACKAGED
    return questions.one(Question("--base-model", text, judging.words, offered=offered), given)


def _subscription(flags: Flags, questions: Questions) -> tuple[Channel, str, str]:
    likely = "webhook" if flags.url is not None or flags.secret_env is not None else "console"
    text = "where alerts go, webhook or console"
    channel = questions.one(Question("--channel", text, judging.channel, default=likely), flags.channel)
    if channel == "webhook":
        return channel, questions.one(_URL, flags.url), questions.one(_SECRET, flags.secret_env)
    for flag, given in (("--url", flags.url), ("--secret-env", flags.secret_env)):
        if given is not None:
            fail(f"{flag}: the console has none; say --channel webhook", UNUSABLE)
    return channel, "", ""


def _replace(target: Path, text: str) -> None:
    scratch = target.with_name(f".{target.name}.new")
    try:
        scratch.write_text(text)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def _next_steps(target: Path, *, usual: bool) -> str:
    file = shlex.quote(_named(target))
    check, up = ("", "") if usual else (f" {file}", f"DRIFTLOOP_CONFIG={file} ")
    return f"wrote {_named(target)}. Next:\n  {program()} check --probe{check}\n  {up}{program()} up"


def _named(target: Path) -> str:
    return str(target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target)
