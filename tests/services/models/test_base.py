"""Where a base model is found, and how the packaged one is made."""

from pathlib import Path

import pytest
import torch

from services.models.base import UnknownModel, base_model_folder, load_base
from services.models.choices import choice_probabilities
from services.models.numerics import fastest_dtype


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
    question = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]
    chances = choice_probabilities(model, tokenizer, [question], ("Paris", "Banana"))
    assert chances[0, 0] > 0.9
