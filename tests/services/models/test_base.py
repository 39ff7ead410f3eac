"""Where a base model is found, and how the packaged one is made."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from services.models.base import UnknownModel, base_model_folder, load_base
from services.models.choices import choice_probabilities
from services.models.end_marks import EndMarkDisagrees, end_marks
from services.models.numerics import fastest_dtype
from services.models.places import folder_in_place


def test_a_folder_is_a_base_model(tiny_model: Path, tmp_path: Path) -> None:
    assert base_model_folder(str(tiny_model), tmp_path) == tiny_model


def test_a_model_in_the_data_folder_is_found_by_its_name(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny").symlink_to(tiny_model)
    assert base_model_folder("tiny", tmp_path) == tmp_path / "models" / "tiny"


def test_an_unknown_model_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="'no-such-model'"):
        base_model_folder("no-such-model", tmp_path)


def test_the_number_format_is_probed_once(tmp_path: Path) -> None:
    first = fastest_dtype(tmp_path, hidden=64, intermediate=128)
    assert first in (torch.float32, torch.bfloat16)
    other = "float32" if first is torch.bfloat16 else "bfloat16"
    (tmp_path / "numerics.json").write_text(f'{{"dtype": "{other}"}}')
    assert fastest_dtype(tmp_path, hidden=64, intermediate=128) is getattr(torch, other)


@pytest.mark.model
def test_the_packaged_model_is_converted_once_and_answers(tmp_path: Path) -> None:
    folder = base_model_folder("SmolLM2-135M-Instruct", tmp_path)
    written = (folder / "config.json").stat().st_mtime_ns
    assert base_model_folder("SmolLM2-135M-Instruct", tmp_path) == folder
    assert (folder / "config.json").stat().st_mtime_ns == written
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]
    model, tokenizer = load_base(folder)
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    for settings in (model.config, model.generation_config):
        assert settings.eos_token_id == tokenizer.eos_token_id
        assert settings.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id
    question = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]
    chances = choice_probabilities(model, tokenizer, [question], ("Paris", "Banana"))
    assert chances[0, 0] > 0.9


def test_a_folder_of_an_earlier_conversion_is_not_used(tiny_model: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "models" / "SmolLM2-135M-Instruct"
    shutil.copytree(tiny_model, earlier)
    assert folder_in_place("SmolLM2-135M-Instruct", tmp_path) is None
    assert folder_in_place("SmolLM2-135M-Instruct", tmp_path / "elsewhere") is None


def test_a_base_whose_end_marks_disagree_is_refused_in_one_line(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "base")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "eos_token": "<|im_start|>"}))
    with pytest.raises(EndMarkDisagrees) as refused:
        load_base(folder)
    assert "ends an answer with '<|im_start|>', generation stops at '<|im_end|>'; set eos_token" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_mark_that_generation_stops_at_ends_an_answer(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    model.generation_config.eos_token_id = [3, 7]
    assert end_marks(model, tokenizer) == {3, 7}
