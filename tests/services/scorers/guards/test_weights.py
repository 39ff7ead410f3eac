"""Checkpoints are loaded from where they lie, in the class they were made for, or one line says why not."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from schemas.guards import GuardSettings
from services.scorers.guards.asking import GuardUnavailable
from services.scorers.guards.weights import load_causal, load_classifier, load_tokenizer
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.tiny import BOMB, KINDS, classifier, model_of, rendered_by, tokenizer_with


def saved(folder: Path, kind: str = "llama", *, template: str | None = None, seed: int = 3) -> tuple[Any, Any]:
    tokenizer = tokenizer_with(templates.llama_guard_3() if template is None else template)
    model = model_of(kind, len(tokenizer), seed=seed).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, tokenizer


def settings_of(folder: Path | str, **more: Any) -> GuardSettings:
    return GuardSettings(model="llama-guard-3", checkpoint=str(folder), device="cpu", **more)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return torch.as_tensor(model(input_ids=torch.tensor([[300, 301, 302, 303]])).logits[0, -1].float())


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_loaded_in_the_class_it_was_made_for(tmp_path: Path, kind: str) -> None:
    made, tokenizer = saved(tmp_path, kind)

    weights = load_causal(settings_of(tmp_path))

    assert type(weights.model) is type(made)
    torch.testing.assert_close(logits(weights.model), logits(made))
    assert rendered_by(weights.tokenizer, BOMB) == rendered_by(tokenizer, BOMB)
    assert weights.context == 2048


def test_a_number_format_is_as_asked(tmp_path: Path) -> None:
    saved(tmp_path)

    assert load_causal(settings_of(tmp_path, dtype="bfloat16")).model.dtype == torch.bfloat16
    assert load_causal(settings_of(tmp_path)).model.dtype == torch.float32


def test_a_template_that_stands_in_the_processors_file_is_found(tmp_path: Path) -> None:
    saved(tmp_path, template="")
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": templates.LLAMA_31}))

    assert load_tokenizer(settings_of(tmp_path)).chat_template == templates.LLAMA_31


def test_an_adapter_is_put_on_the_base_that_it_names(tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    made, _ = saved(base)
    plain = logits(made)
    torch.manual_seed(1)
    tuned = get_peft_model(made, LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    tuned.save_pretrained(adapter)
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(base)}))

    weights = load_causal(settings_of(adapter))

    torch.testing.assert_close(logits(weights.model), logits(tuned), atol=1e-4, rtol=1e-4)
    assert (logits(weights.model) - plain).abs().max() > 1e-3
    assert weights.tokenizer.chat_template
    assert load_causal(settings_of(adapter, base=str(base))).version == weights.version


def test_a_classifier_is_loaded(tmp_path: Path) -> None:
    model, tokenizer = classifier()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    settings = GuardSettings(model="prompt-guard-2", checkpoint=str(tmp_path), device="cpu")

    weights = load_classifier(settings)

    torch.testing.assert_close(
        weights.model(torch.tensor([[300, 301]])).logits, model(torch.tensor([[300, 301]])).logits
    )


@pytest.mark.parametrize("named", ["nobody/llama-guard-of-nobody", "/no/such/folder"])
def test_absent_weights_are_one_line_that_says_what_to_do(named: str) -> None:
    with pytest.raises(GuardUnavailable, match="download") as refused:
        load_causal(settings_of(named))

    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_weights_is_no_checkpoint(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "model.safetensors").unlink()

    with pytest.raises(GuardUnavailable, match="no weights"):
        load_causal(settings_of(tmp_path))


def test_a_folder_of_something_else_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(GuardUnavailable, match="no checkpoint that loads") as refused:
        load_causal(settings_of(tmp_path))

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_quantization_says_what_it_needs(tmp_path: Path, quantization: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(GuardUnavailable, match="pip install bitsandbytes"):
        load_causal(settings_of(tmp_path, quantization=quantization))


def test_a_version_hangs_on_the_weights_and_not_on_where_they_lie(tmp_path: Path) -> None:
    saved(tmp_path / "one")
    saved(tmp_path / "same")
    saved(tmp_path / "other", seed=4)

    one, same, other = (load_causal(settings_of(tmp_path / name)).version for name in ("one", "same", "other"))

    assert one == same
    assert one != other
