"""Whatever is drafted passes `driftloop check` and says what was asked for."""

import dataclasses
import re
from collections.abc import Mapping

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.configuration import Configuration, Price
from schemas.configuration_parser import expand_variables, parse_configuration
from services.commands.init.draft import Draft, scalar, text_of
from services.scorers.catalogue import entries_for

PLAIN = Draft(
    app="support-bot",
    base_model="my-base",
    upstreams=("http://vllm-1:8000",),
    upstream_key_env="",
    labels=(),
    max_error_ratio=0.05,
    max_latency_ms=None,
    min_accuracy=0.85,
    channel="console",
    url="",
    secret_env="",
    loading="no",
    reason="POST /v1/load_lora_adapter is not there (404)",
)
AWKWARD = (
    "yes",
    "null",
    "1e3",
    "0o7",
    "2024-01-01",
    "a: b",
    "- a",
    "-",
    "?",
    ":",
    "#a",
    "a #b",
    "'",
    '"',
    "\\",
    "${HOME}",
    "{",
    "&a",
    "*",
    "---",
)
TEXTS = st.sampled_from(AWKWARD) | st.text(min_size=1).filter(lambda text: text.isprintable() and bool(text.strip()))
RATIOS = st.floats(0, 1)
DRAFTS = st.builds(
    Draft,
    app=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    base_model=TEXTS,
    upstreams=st.lists(st.sampled_from(["http://vllm-1:8000", "https://me:s3cret@[::1]:8000/x?y=#z"]), unique=True).map(
        tuple
    ),
    labels=st.just(()) | st.lists(TEXTS, unique=True, min_size=2, max_size=4).map(tuple),
    upstream_key_env=st.sampled_from(["", "UPSTREAM_KEY", "null"]),
    max_error_ratio=RATIOS,
    max_latency_ms=st.none() | st.floats(1e-9, 1e18),
    min_accuracy=RATIOS,
    channel=st.just("webhook"),
    url=st.sampled_from(["https://alerts.example.org/x", "http://h/a?b=c#d", "http://h/${KEY}"]),
    secret_env=st.sampled_from(["", "ALERT_SECRET", "null"]),
    loading=st.sampled_from(["yes", "no", "unknown"]),
    reason=st.just("it judged an empty order (400)"),
    dialect=st.sampled_from(["vllm", "llama.cpp", ""]),
)


def _read(text: str, environment: Mapping[str, str] | None = None) -> Configuration:
    return parse_configuration(expand_variables(text, environment or {}))


@settings(max_examples=40)
@given(DRAFTS)
@example(dataclasses.replace(PLAIN, base_model="m" * 60, channel="webhook", url="http://h"))
def test_every_draft_is_a_good_file_that_says_what_was_asked_for(draft: Draft) -> None:
    found = _read(text_of(draft), {"KEY": "5ecret"})
    (app,), (subscription,) = found.apps, found.subscriptions
    monitors = {monitor.name: monitor for monitor in found.monitors}
    assert (app.name, app.base_model, app.upstreams, app.labels) == (
        draft.app, draft.base_model, draft.upstreams, draft.labels,
    )  # fmt: skip
    assert app.constrain == (draft.dialect if draft.upstreams and draft.labels and draft.dialect else "auto")
    assert app.upstream_key_env == (draft.upstream_key_env if draft.upstreams else "")
    assert monitors["answers-fail"].above == draft.max_error_ratio
    assert monitors["accuracy-drop"].below == draft.min_accuracy
    slow = monitors.get("answers-slow")
    assert (slow.above if slow else None) == draft.max_latency_ms
    assert (subscription.url, subscription.secret_env) == (draft.url.replace("${KEY}", "5ecret"), draft.secret_env)
    assert bool(found.training) == bool(found.rollout) == (draft.loading == "yes")


@settings(max_examples=40)
@given(DRAFTS)
def test_what_is_commented_out_is_good_once_the_hashes_are_gone(draft: Draft) -> None:
    text = re.sub(r"^( *)# (?= *(- )?[a-z_]+:( |$))", r"\1", text_of(draft), flags=re.MULTILINE)
    found = _read(text, {"KEY": "5ecret"})
    assert found.training[0].app == found.rollout[0].app == draft.app
    assert "answers-slow" in {monitor.name for monitor in found.monitors}
    assert found.apps[0].price == Price(input=0.05, output=0.1)
    assert found.apps[0].privacy.policy == "hash"
    assert [entry.name for entry in entries_for(found.scorers, draft.app)][-2:] == ["relevance", "refusal"]


@given(TEXTS)
@example("-")
def test_a_scalar_is_read_as_the_text_that_it_stands_for(text: str) -> None:
    beside_a_comment = yaml.safe_load(expand_variables(f"a: {scalar(text)}  # comment", {}))
    in_a_list = yaml.safe_load(expand_variables(f"[{scalar(text)}, b]", {}))
    assert (beside_a_comment, in_a_list) == ({"a": text}, [text, "b"])


def test_plain_words_stay_plain() -> None:
    assert [scalar(text) for text in ("my-base", "meta-llama/Llama-3.2-1B", "http://vllm-1:8000")] == [
        "my-base", "meta-llama/Llama-3.2-1B", "http://vllm-1:8000",
    ]  # fmt: skip


def test_a_breach_orders_a_retraining_only_where_one_can_be_done() -> None:
    able = dataclasses.replace(PLAIN, loading="yes", labels=("safe", "unsafe"))
    wanted = {
        able: ("alert", "retrain"),
        dataclasses.replace(able, labels=()): ("alert",),
        dataclasses.replace(able, loading="no"): ("alert",),
        dataclasses.replace(able, loading="unknown"): ("alert",),
    }
    for draft, then in wanted.items():
        assert _read(text_of(draft)).monitors[-1].then == then


@pytest.mark.parametrize(
    ("draft", "remark"),
    [
        (
            PLAIN,
            "# Left out, because adapters can't be loaded at runtime: POST /v1/load_lora_adapter is not there (404).",
        ),
        (
            dataclasses.replace(PLAIN, loading="unknown"),
            "# Left out, because it is not known whether adapters can be loaded",
        ),
        (dataclasses.replace(PLAIN, loading="yes"), "# Adapters seem to be loadable at runtime: "),
        (dataclasses.replace(PLAIN, loading="yes", upstreams=()), "# driftloop's own model server loads adapters"),
    ],
)
def test_the_file_says_why_learning_is_in_or_out(draft: Draft, remark: str) -> None:
    assert remark in text_of(draft)
