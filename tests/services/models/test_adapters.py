"""Adapters come and go on one base without touching each other."""

import json
from pathlib import Path

import numpy as np
import pytest

from services.models.adapters import AdapterUnfit, ResidentAdapters
from services.models.base import load_base
from services.models.choices import Probabilities, choice_ids, probabilities_of, prompt_ids
from tests.fixtures.tiny_model import all_texts, make_tiny_adapter, make_tiny_model, messages_of, synthetic_prompts


class Residence:
    """A base with adapters, asked the same questions again and again."""

    def __init__(self, folder: Path) -> None:
        model, tokenizer = load_base(folder)
        self.adapters = ResidentAdapters(model)
        self._prompts = [prompt_ids(tokenizer, messages_of(p)) for p in synthetic_prompts("benign", 4, 1)]
        self._answers = choice_ids(tokenizer, ("safe", "unsafe"))

    def ask(self, slot: str) -> Probabilities:
        with self.adapters.answering(slot) as model:
            return probabilities_of(model, self._prompts, self._answers)


@pytest.fixture
def residence(tiny_model: Path) -> Residence:
    return Residence(tiny_model)


def test_each_adapter_answers_for_itself_and_the_base_stays_as_it_was(
    residence: Residence, tiny_model: Path, tmp_path: Path
) -> None:
    base = residence.ask("")
    residence.adapters.load("a", make_tiny_adapter(tiny_model, tmp_path / "a", seed=1))
    first = residence.ask("a")
    residence.adapters.load("b", make_tiny_adapter(tiny_model, tmp_path / "b", seed=2, layers=[1]))
    assert not np.allclose(residence.ask("a"), residence.ask("b"), atol=1e-3)
    np.testing.assert_array_equal(residence.ask("a"), first)
    np.testing.assert_array_equal(residence.ask(""), base)
    residence.adapters.unload("b")
    np.testing.assert_array_equal(residence.ask("a"), first)


def test_the_base_answers_after_the_last_adapter_has_left_and_another_may_come(
    residence: Residence, tiny_model: Path, tmp_path: Path
) -> None:
    base = residence.ask("")
    folder = make_tiny_adapter(tiny_model, tmp_path / "a", seed=1)
    residence.adapters.load("a", folder)
    first = residence.ask("a")
    residence.adapters.unload("a")
    residence.adapters.unload("a")
    assert residence.adapters.slots == frozenset()
    np.testing.assert_array_equal(residence.ask(""), base)
    residence.adapters.load("again", folder)
    np.testing.assert_array_equal(residence.ask("again"), first)


def test_an_adapter_of_another_model_is_refused_and_nothing_changes(
    residence: Residence, tiny_model: Path, tmp_path: Path
) -> None:
    other = make_tiny_model(tmp_path / "other", all_texts(), 2)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))
    (other / "model.safetensors").unlink()
    _save_with_other_width(other)
    misfit = make_tiny_adapter(other, tmp_path / "misfit", seed=1)
    base = residence.ask("")
    with pytest.raises(AdapterUnfit, match="does not fit"):
        residence.adapters.load("x", misfit)
    assert residence.adapters.slots == frozenset()
    residence.adapters.load("a", make_tiny_adapter(tiny_model, tmp_path / "a", seed=1))
    before = residence.ask("a")
    with pytest.raises(AdapterUnfit, match="does not fit"):
        residence.adapters.load("x", misfit)
    np.testing.assert_array_equal(residence.ask("a"), before)
    np.testing.assert_array_equal(residence.ask(""), base)


def test_an_adapter_with_weights_missing_is_refused(residence: Residence, tiny_model: Path, tmp_path: Path) -> None:
    folder = make_tiny_adapter(tiny_model, tmp_path / "a", seed=1, layers=[1])
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "layers_to_transform": None}))
    with pytest.raises(AdapterUnfit, match="weights missing"):
        residence.adapters.load("a", folder)


def test_a_folder_without_an_adapter_is_refused(residence: Residence, tmp_path: Path) -> None:
    with pytest.raises(AdapterUnfit, match="no adapter found"):
        residence.adapters.load("a", tmp_path)


def _save_with_other_width(folder: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)


def test_a_folder_whose_weights_are_torn_is_refused(residence: Residence, tiny_model: Path, tmp_path: Path) -> None:
    folder = make_tiny_adapter(tiny_model, tmp_path / "a", seed=1)
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    base = residence.ask("")
    with pytest.raises(AdapterUnfit, match="does not fit"):
        residence.adapters.load("a", folder)
    np.testing.assert_array_equal(residence.ask(""), base)
