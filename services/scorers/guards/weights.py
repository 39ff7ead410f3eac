"""Loads a guard from a folder or by model id, or its tokenizer alone where an endpoint has the weights."""

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftModel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
)

from schemas.guards import GuardSettings
from services.scorers.guards.asking import GuardUnavailable
from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.families.prompt_guard import PromptGuard
from services.scorers.guards.presence import ADAPTER, base_of, folder_of, must_have_weights, tokenizer_of, weight_files
from services.scorers.guards.template import Template

_SAMPLES = 64
_SAMPLE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Weights:
    """A model with its tokenizer.

    Attributes:
        context: Tokens that it reads at most.
        version: A hash of weights, number format and libraries.
    """

    model: Any
    tokenizer: Any
    context: int
    version: str


def checkpoint(settings: GuardSettings) -> Checkpoint:
    """Load a guard that is asked questions.

    Raises:
        GuardUnavailable: Absent weights, or no bitsandbytes where settings need it.
    """
    weights = load_causal(settings)
    renders = Template(weights.tokenizer, context=min(settings.context, weights.context))
    return Checkpoint(weights.model, renders, version=weights.version + renders.version, batch=settings.batch)


def template(settings: GuardSettings) -> Template:
    """Load the tokenizer alone, of a guard whose weights an endpoint holds.

    Raises:
        GuardUnavailable: It is absent.
    """
    return Template(load_tokenizer(settings), context=settings.context)


def prompt_guard(settings: GuardSettings) -> tuple[PromptGuard, str]:
    """Load a classifier, and say which version it is.

    Raises:
        GuardUnavailable: As of `checkpoint`.
    """
    weights = load_classifier(settings)
    return PromptGuard(weights.model, weights.tokenizer, batch=settings.batch), weights.version


def load_causal(settings: GuardSettings) -> Weights:
    """Load a guard that writes its answer; an adapter is put on its base.

    Raises:
        GuardUnavailable: Absent weights, a folder that is no checkpoint, or no bitsandbytes.
    """
    folder = folder_of(settings, settings.checkpoint, download=settings.download)
    base = base_of(settings, folder, download=settings.download)
    config = _from(settings, AutoConfig, base)
    # Llama Guard 4 reads images too, and its class is no AutoModelForCausalLM's.
    architecture = (config.architectures or [""])[0]
    kind = AutoModelForImageTextToText if architecture.endswith("ForConditionalGeneration") else AutoModelForCausalLM
    model = _model(settings, kind, base)
    if base != folder:
        model = PeftModel.from_pretrained(model, folder)
        model = model.merge_and_unload() if settings.quantization == "none" else model
    return Weights(model, load_tokenizer(settings), context_of(config), _version(settings, {folder, base}))


def load_classifier(settings: GuardSettings) -> Weights:
    """Load a guard that classifies a text.

    Raises:
        GuardUnavailable: As of `load_causal`.
    """
    folder = folder_of(settings, settings.checkpoint, download=settings.download)
    model = _model(settings, AutoModelForSequenceClassification, folder)
    return Weights(model, load_tokenizer(settings), context_of(model.config), _version(settings, {folder}))


def load_tokenizer(settings: GuardSettings) -> Any:
    """Load a checkpoint's tokenizer alone, an adapter's from its base if it brings none.

    Raises:
        GuardUnavailable: There is none.
    """
    folder = folder_of(settings, settings.checkpoint, download=settings.download)
    folder = tokenizer_of(settings, folder, download=settings.download)
    tokenizer = _from(settings, AutoTokenizer, folder)
    of_processor = folder / "chat_template.json"
    # A processor of an older release keeps the template beside its tokenizer.
    if tokenizer.chat_template is None and of_processor.is_file():
        tokenizer.chat_template = json.loads(of_processor.read_text("utf-8"))["chat_template"]
    return tokenizer


def context_of(config: Any) -> int:
    """Return how many tokens a model reads at most."""
    text = getattr(config, "text_config", config)
    return int(getattr(text, "max_position_embeddings", 0) or 1_000_000)


def device_of(settings: GuardSettings) -> str:
    """Return the device that `auto` is here."""
    if settings.device != "auto":
        return settings.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _from(settings: GuardSettings, kind: Any, folder: Path, **more: Any) -> Any:
    try:
        return kind.from_pretrained(folder, local_files_only=True, **more)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise GuardUnavailable(f"{settings.model}: {folder} is no checkpoint that loads: {reason}") from error


def _model(settings: GuardSettings, kind: Any, folder: Path) -> Any:
    must_have_weights(settings, folder)
    dtype = settings.dtype if settings.dtype == "auto" else getattr(torch, settings.dtype)
    if settings.quantization == "none":
        return _from(settings, kind, folder, dtype=dtype).to(device_of(settings))
    return _from(
        settings, kind, folder, dtype=dtype, quantization_config=_quantized(settings),
        device_map={"": device_of(settings)},
    )  # fmt: skip


def _quantized(settings: GuardSettings) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise GuardUnavailable(
            f"{settings.model}: quantization: {settings.quantization} needs bitsandbytes, which is not installed: "
            "pip install bitsandbytes, or set quantization: none"
        )
    return BitsAndBytesConfig(
        load_in_8bit=settings.quantization == "8bit", load_in_4bit=settings.quantization == "4bit"
    )


def _version(settings: GuardSettings, folders: set[Path]) -> str:
    """Weights are hashed by size and samples: a tuned copy of the same size differs all over its tensors."""
    digest = hashlib.sha256(f"{transformers.__version__} {torch.__version__} {settings.quantization}".encode())
    for folder in sorted(folders):
        small = (folder / name for name in ("config.json", ADAPTER, "tokenizer.json", "tokenizer_config.json"))
        for path in [*filter(Path.is_file, small), *weight_files(folder)]:
            digest.update(f"{path.name} {path.stat().st_size}".encode())
            digest.update(_samples(path))
    return digest.hexdigest()


def _samples(path: Path) -> bytes:
    size = path.stat().st_size
    places = {size * at // _SAMPLES for at in range(_SAMPLES)} | {max(0, size - _SAMPLE_BYTES)}
    with path.open("rb") as file:
        parts = []
        for place in sorted(places):
            file.seek(place)
            parts.append(file.read(_SAMPLE_BYTES))
    return b"".join(parts)
