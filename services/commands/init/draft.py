"""What a new driftloop.yaml shall say, and its text. No I/O: the text of every draft is a good configuration."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import yaml

from services.commands.upstream import Dialect, Loading

Channel = Literal["webhook", "console"]
_COMMENT_AT = 40
_HEAD = """\
# Written by `driftloop init`. `driftloop check` judges it after every change; `driftloop check --probe` also reaches
# whatever it names. Monitors and subscriptions follow a change at once, the rest at the next `driftloop up`.
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers to everything that `driftloop init` asks.

    Attributes:
        upstreams: Base URLs; empty means driftloop's own model server.
        upstream_key_env: Empty where clients bring their own key.
        max_latency_ms: None watches no latency.
        url: Of a webhook; may hold ${NAME}, as may the upstreams.
        secret_env: Empty leaves a webhook unsigned.
        loading: Whether adapters seem to be loadable at runtime.
        reason: What that was concluded from.
        dialect: How the upstreams are told a constraint; empty when that is not known.
    """

    app: str
    base_model: str
    upstreams: tuple[str, ...]
    upstream_key_env: str
    labels: tuple[str, ...]
    max_error_ratio: float
    max_latency_ms: float | None
    min_accuracy: float
    channel: Channel
    url: str
    secret_env: str
    loading: Loading
    reason: str
    dialect: Dialect = ""


def text_of(draft: Draft) -> str:
    """Return the file."""
    sections = (_HEAD, _apps(draft), _scorers(), _monitors(draft), *_learning(draft), _subscriptions(draft))
    return "\n".join(sections)


def scalar(text: str, *, variables: bool = False) -> str:
    """Return a text as YAML that is read as this text, plain where it can be.

    Args:
        text: Any text without line breaks.
        variables: Let ${NAME} stand for the environment's value; otherwise it stands for itself.
    """
    quoted = str(yaml.safe_dump(text, default_style='"', width=1_000_000)).strip()
    if variables:
        return quoted if "${" in text or not _plain(text) else text
    return quoted.replace("${", "\\x24{") if "${" in text or not _plain(text) else text


def _plain(text: str) -> bool:
    try:
        # A lone dash is a word in a list between brackets, and begins a list elsewhere.
        return bool(yaml.safe_load(f"[{text}]") == [text] and yaml.safe_load(f"a: {text}  # b") == {"a": text})
    except yaml.YAMLError:
        return False


def _number(value: float) -> str:
    return str(yaml.safe_dump(int(value) if value == int(value) else value)).split("\n")[0]


def _line(text: str, comment: str = "") -> str:
    return f"{text:<{_COMMENT_AT}}  # {comment}\n" if comment else f"{text}\n"


def _apps(draft: Draft) -> str:
    served = (
        "what your model server calls the base"
        if draft.upstreams
        else "comes with driftloop, or a folder in transformers' format"
    )
    lines = [
        _line("apps:"),
        _line(f"  - name: {scalar(draft.app)}", "what clients send as `model`"),
        _line(f"    base_model: {scalar(draft.base_model)}", served),
    ]
    if draft.upstreams:
        urls = [_line(f"      - {scalar(url, variables=True)}") for url in draft.upstreams]
        lines += [_line("    upstreams:", "asked in turn; one that fails rests for a while"), *urls]
        lines.append(_key(draft.upstream_key_env))
    if draft.labels:
        listed = ", ".join(map(scalar, draft.labels))
        lines.append(_line(f"    labels: [{listed}]", "answers that feedback may name as right"))
        if draft.upstreams:
            lines.append(_constrain(draft.dialect))
    else:
        lines.append(_line("    # labels: [safe, unsafe]", "for a classifier: answers that feedback may name as right"))
    lines.append(_line("    # price: {input: 0.05, output: 0.1}", "USD for a million tokens; gives cost_usd.sum"))
    lines.append(_line("    # privacy: {policy: hash}", "masked unless told; or hash, drop-text, off: docs/privacy.md"))
    return "".join(lines)


def _constrain(dialect: Dialect) -> str:
    if dialect:
        return _line(f"    constrain: {dialect}", "how chats are held to these answers")
    return _line("    # constrain: vllm", "or llama.cpp: holds chats to these answers")


def _key(variable: str) -> str:
    if variable:
        return _line(f"    upstream_key_env: {scalar(variable)}", "environment variable with their key")
    return _line("    # upstream_key_env: UPSTREAM_KEY", "their key, where clients don't bring their own")


def _scorers() -> str:
    lines = [
        _line("scorers:", "beside those that run anyway; all: driftloop scorers list"),
        _line("  - name: relevance", "is the answer about what was asked?"),
        _line("  - name: refusal", "does it decline?"),
    ]
    return "".join(_commented(lines))


def _monitors(draft: Draft) -> str:
    app = scalar(draft.app)
    slow = [
        _line("  - name: answers-slow"),
        _line(f"    app: {app}"),
        _line("    metric: latency_ms.p95"),
        _line("    window: 1m"),
        _line(f"    above: {_number(draft.max_latency_ms or 2000)}", "milliseconds"),
        _line("    for: 3", "windows in breach, one after the other"),
        _line("    min_count: 20"),
    ]
    return "".join(
        [
            _line("monitors:", "every metric and key: docs/monitors.md"),
            _line("  - name: answers-fail"),
            _line(f"    app: {app}"),
            _line("    metric: error.ratio"),
            _line("    window: 1m"),
            _line(f"    above: {_number(draft.max_error_ratio)}"),
            _line("    min_count: 20", "windows with fewer answers count neither way"),
            _line("    severity: critical"),
            *(slow if draft.max_latency_ms is not None else _commented(slow, indent=2)),
            _line("  - name: accuracy-drop"),
            _line(f"    app: {app}"),
            _line("    metric: feedback.accuracy", "from POST /v1/feedback"),
            _line("    window: 1m"),
            _line(f"    below: {_number(draft.min_accuracy)}"),
            _line("    for: 3"),
            _line("    min_count: 30"),
            _line("    severity: critical"),
            _then(draft),
        ]
    )


def _then(draft: Draft) -> str:
    if draft.loading != "yes":
        return _line("    then: [alert]", "[alert, retrain] once adapters can be loaded")
    if len(draft.labels) < 2:
        return _line("    then: [alert]", "[alert, retrain] once people correct its answers")
    return _line("    then: [alert, retrain]")


def _learning(draft: Draft) -> tuple[str, str]:
    training = [
        _line("training:"),
        _line(f"  - app: {scalar(draft.app)}"),
        _line("    cooldown: 30m", "least time between two retrainings that a monitor orders"),
        _line("    feedback_window: 1h", "labelled traffic of this time counts as recent"),
        _line("    min_rows: 200", "labelled answers of that time, so many at least"),
        _line("    gate: {earlier_margin: 0.05}", "how much worse a candidate may be on earlier traffic"),
    ]
    rollout = [
        _line("rollout:"),
        _line(f"  - app: {scalar(draft.app)}"),
        _line("    shadow_for: 1m", "least time in which it answers copies only"),
        _line("    steps: [0.05, 0.25, 0.5]", "then the share of users that it answers, growing"),
        _line("    step_for: 5m", "least time on each step"),
        _line("    accuracy_margin: 0.05", "how much worse than the stable version it may be"),
    ]
    if draft.loading == "yes":
        return _remark(draft) + "".join(training), "".join(rollout)
    return _remark(draft) + "".join(_commented(training)), "".join(_commented(rollout))


def _remark(draft: Draft) -> str:
    if not draft.upstreams:
        return "# driftloop's own model server loads adapters at runtime.\n"
    weights = (
        "# Training wants the base's weights on this machine: a folder in transformers' format at\n"
        "# DRIFTLOOP_DATA/models/<base_model> (.driftloop/models/...), unless the model comes with driftloop.\n"
    )
    if draft.loading == "yes":
        return f"# Adapters seem to be loadable at runtime: {draft.reason}.\n# The first load will tell.\n{weights}"
    finding = "adapters can't" if draft.loading == "no" else "it is not known whether adapters can"
    mend = "# vLLM can with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True. Then take the hashes away.\n"
    return f"# Left out, because {finding} be loaded at runtime: {draft.reason}.\n{mend}{weights}"


def _subscriptions(draft: Draft) -> str:
    head = _line("subscriptions:", "who hears of alerts")
    if draft.channel == "console":
        return head + _line("  - name: terminal") + _line("    channel: console", "a line in the log of alerting")
    signing = "environment variable with the signing secret"
    signed = _line(f"    secret_env: {scalar(draft.secret_env)}", signing)
    return "".join(
        [
            head,
            _line("  - name: on-call"),
            _line("    channel: webhook", "JSON in the form of Alertmanager's webhook"),
            _line(f"    url: {scalar(draft.url, variables=True)}"),
            signed if draft.secret_env else _line("    # secret_env: ALERT_SECRET", signing),
        ]
    )


def _commented(lines: Iterable[str], *, indent: int = 0) -> list[str]:
    """Return lines that a reader brings back by taking the first "# " of each away."""
    return [f"{line[:indent]}# {line[indent:]}".replace("    # ", "  # ", 1) for line in lines]
