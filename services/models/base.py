"""The base model that adapters sit on: found or converted once, loaded alike by trainer, gate and server."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from services.models.end_marks import check_end_mark, set_marks
from services.models.numerics import fastest_dtype
from services.models.places import PACKAGED, converted_folder, folder_in_place, package_of

Precision = Literal["auto", "fp32", "bf16"]


class UnknownModel(ValueError):
    """No base model of that name is on this machine. The message says where it was looked for."""


def base_model_folder(name: str, data: Path) -> Path:
    """Return the folder of a base model in transformers' format.

    Looked for in this order: its place in `<data>/models`, a folder at the path `name`, a model in an
    installed package. The last is converted into the first (some 10 s, once, under a lock, atomically).

    Args:
        name: What the configuration calls the base model: a packaged model's name or a folder.
        data: Data folder of this deployment.

    Raises:
        UnknownModel: None of the three.
    """
    found = folder_in_place(name, data)
    if found is not None:
        return found
    package = package_of(name)
    if package is None:
        raise UnknownModel(f"base model {name!r}: neither a model folder nor an installed package provides it")
    converted = converted_folder(name, data)
    converted.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{converted}.lock"):
        if not converted.exists():
            _convert(package, PACKAGED[name][1], converted)
    return converted


def load_base(folder: Path, precision: Precision = "auto") -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return model and tokenizer of a folder, in eval mode; `auto` is the dtype that is fastest here.

    The trainer calls `.train()` before its first step.

    Raises:
        EndMarkDisagrees: Its tokenizer ends an answer with another mark than generation stops at.
    """
    disable_progress_bar()
    shape = AutoConfig.from_pretrained(folder)
    named = {"fp32": torch.float32, "bf16": torch.bfloat16}
    dtype = named.get(precision) or fastest_dtype(
        folder, hidden=shape.hidden_size, intermediate=shape.intermediate_size
    )
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
    tokenizer = load_tokenizer(folder)
    check_end_mark(folder, model, tokenizer)
    return model.eval(), tokenizer


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a folder."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    # A clean-up made for WordPiece, which would eat spaces of a BPE tokenizer's text.
    tokenizer.clean_up_tokenization_spaces = False
    return tokenizer


def _convert(package: Path, file: str, target: Path) -> None:
    """Write `target`: a model read from GGUF refuses to be saved, so its weights move to a clean one."""
    disable_progress_bar()
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=file)
        quantised = AutoModelForCausalLM.from_pretrained(package, gguf_file=file, dtype=torch.float32)
        model = _without_quantisation(quantised)
        set_marks(model, tokenizer)
        model.to(torch.bfloat16).save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        os.replace(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _without_quantisation(quantised: Any) -> Any:
    settings = quantised.config.to_dict()
    for key in ("quantization_config", "_name_or_path", "dtype", "torch_dtype"):
        settings.pop(key, None)
    model = type(quantised)(type(quantised.config)(**settings))
    model.load_state_dict(quantised.state_dict())
    model.tie_weights()
    model.generation_config = quantised.generation_config
    return model
