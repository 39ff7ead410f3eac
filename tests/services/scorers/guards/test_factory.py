"""An entry of driftloop.yaml becomes a guard, or one line says what of it does not go together."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.guards import GuardEndpoint, GuardSettings, guard_scores
from services.scorers.guards.asking import GuardUnavailable
from services.scorers.guards.factory import VOCABULARIES, guard_lacks, guard_scorer
from services.scorers.guards.hazards import CODES
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.tiny import BOMB, classifier, model_of, subject_of, tokenizer_with


def endpoint_of(**more: Any) -> GuardEndpoint:
    return GuardEndpoint(url="http://127.0.0.1:9/v1", model="tiny", **more)


def saved(folder: Path, template: str) -> str:
    tokenizer = tokenizer_with(template)
    model_of("llama", len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_an_entry_with_a_folder_becomes_a_guard(tmp_path: Path) -> None:
    entry = {"model": "llama-guard-3", "checkpoint": saved(tmp_path, templates.llama_guard_3()), "device": "cpu"}
    settings = msgspec.convert({**entry, "categories": ["hate"], "threshold": 0.7}, GuardSettings)

    guard = guard_scorer("llama-guard-3", settings, {})

    assert guard.card.name == "llama-guard-3"
    assert guard.card.cost == "model"
    assert [score.name for score in guard.score([subject_of(BOMB)])[0]] == [
        "prompt.llama-guard-3",
        "response.llama-guard-3",
    ]


def test_a_context_is_the_models_at_most(tmp_path: Path) -> None:
    folder = saved(tmp_path, templates.llama_guard_3())
    guard = guard_scorer("g", GuardSettings(model="llama-guard-3", checkpoint=folder, device="cpu", context=99_999), {})

    assert guard._family._engine.render._room < 2048  # type: ignore[attr-defined]  # of Llama Guard


def test_prompt_guard_becomes_a_scorer_of_prompts(tmp_path: Path) -> None:
    model, tokenizer = classifier()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    guard = guard_scorer("pg", GuardSettings(model="prompt-guard-2", checkpoint=str(tmp_path), device="cpu"), {})

    ((score,),) = guard.score([subject_of(BOMB)])
    assert score.name == "prompt.pg"
    assert score.value is not None


def test_a_guard_behind_an_endpoint_needs_its_tokenizer_alone(tmp_path: Path) -> None:
    tokenizer_with(templates.llama_guard_3()).save_pretrained(tmp_path)
    settings = GuardSettings(model="llama-guard-3", checkpoint=str(tmp_path), endpoint=endpoint_of())

    assert guard_scorer("g", settings, {}).card.cost == "remote"


def test_a_guard_behind_a_chat_loads_no_torch() -> None:
    script = (
        "import sys\n"
        "from schemas.guards import GuardEndpoint, GuardSettings\n"
        "from services.scorers.guards.factory import guard_scorer\n"
        "endpoint = GuardEndpoint(url='http://127.0.0.1:9/v1', model='g', form='chat', timeout_s=1)\n"
        "guard_scorer('g', GuardSettings(model='llama-guard-3', endpoint=endpoint), {})\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)\n"
    )

    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)

    assert said.stdout.split() == ["False", "False"]


def settings_of(**more: Any) -> GuardSettings:
    return GuardSettings(**{"model": "llama-guard-3", "checkpoint": "/no/such/folder", **more})


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (settings_of(), "no weights"),
        (settings_of(model="moderation", endpoint=endpoint_of()), "form: moderations"),
        (settings_of(endpoint=endpoint_of(form="moderations")), "form: moderations"),
        (settings_of(model="prompt-guard-2", endpoint=endpoint_of()), "judges prompts"),
        (settings_of(model="prompt-guard-2", sides=("response",)), "judges prompts"),
        (settings_of(checkpoint="", endpoint=endpoint_of()), "tokenizer"),
        (settings_of(model="wild-guard", endpoint=endpoint_of(form="chat")), "form: completions"),
        (settings_of(model="wild-guard", categories=("hate",)), "names no categories"),
        (settings_of(model="wild-guard", policies={"x": "y"}), "takes no policies"),
        (settings_of(model="shield-gemma", categories=("defamation",)), "names none of defamation"),
        (settings_of(endpoint=endpoint_of(form="chat"), categories=("hate",)), "form: completions"),
        (settings_of(endpoint=endpoint_of(form="chat", key_env="GUARD_KEY")), "GUARD_KEY is not set"),
        (settings_of(quantization="8bit"), "no weights"),
    ],
)
def test_what_does_not_go_together_is_one_line(settings: GuardSettings, word: str) -> None:
    with pytest.raises(GuardUnavailable, match=word) as refused:
        guard_scorer("g", settings, {})

    assert "\n" not in str(refused.value)


def test_a_checkpoint_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuardUnavailable, match="no chat template"):
        guard_scorer("g", settings_of(checkpoint=saved(tmp_path, ""), device="cpu"), {})


def test_what_a_guard_lacks_is_found_without_loading_it(tmp_path: Path) -> None:
    folder = saved(tmp_path, templates.llama_guard_3())
    tokenizer_with(templates.llama_guard_3()).save_pretrained(tmp_path / "alone")
    alone = str(tmp_path / "alone")

    assert guard_lacks(settings_of(checkpoint=folder), {}) == ""
    assert guard_lacks(settings_of(checkpoint=alone, endpoint=endpoint_of()), {}) == ""
    assert guard_lacks(settings_of(endpoint=endpoint_of(form="chat"), checkpoint=""), {}) == ""
    assert "no weights" in guard_lacks(settings_of(checkpoint=alone), {})
    assert "no weights" in guard_lacks(settings_of(), {})
    assert "GUARD_KEY is not set" in guard_lacks(settings_of(endpoint=endpoint_of(key_env="GUARD_KEY")), {})
    assert "judges prompts" in guard_lacks(settings_of(model="prompt-guard-2", sides=("response",)), {})


def test_a_key_comes_from_the_environment() -> None:
    settings = settings_of(endpoint=endpoint_of(form="chat", key_env="GUARD_KEY"))

    assert guard_scorer("g", settings, {"GUARD_KEY": "secret"}).card.cost == "remote"


@pytest.mark.parametrize(
    "entry",
    [
        {"model": "llama-guard-3"},
        {"model": "llama-guard-9", "checkpoint": "x"},
        {"model": "llama-guard-3", "checkpoint": "x", "categories": ["hatred"]},
        {"model": "llama-guard-3", "checkpoint": "x", "threshold": 1.5},
        {"model": "llama-guard-3", "checkpoint": "x", "sides": []},
        {"model": "llama-guard-3", "checkpoint": "x", "colour": "red"},
        {"model": "llama-guard-3", "endpoint": {"url": "ftp://x", "model": "m"}},
    ],
)
def test_settings_that_mean_nothing_are_refused_when_they_are_read(entry: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(entry, GuardSettings)


def test_two_guards_of_an_app_are_two_series() -> None:
    one, other = settings_of(), settings_of(model="wild-guard")

    names = [score.name for name, settings in (("a", one), ("b", other)) for score in guard_scores(name, settings)]

    assert names == ["prompt.a", "response.a", "prompt.b", "response.b", "response.b-refusal"]


def test_every_guard_that_names_hazards_has_its_vocabulary() -> None:
    assert set(VOCABULARIES.values()) == set(CODES) - {"wild-guard"}
