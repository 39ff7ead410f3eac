"""What is trained of a base model: an adapter of some form, or all of it."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from schemas.training_policy import Training
from services.models.base import load_base, load_tokenizer
from services.models.end_marks import check_end_mark

SERVED = "served"
_FOUR_BITS = "bitsandbytes"


class AdapterUnavailable(RuntimeError):
    """This form of adapter can't be trained on this machine."""


@dataclass(frozen=True, slots=True)
class Trainable:
    """A model in training mode and its tokenizer.

    Attributes:
        model: A peft model, or with `full` the model itself.
        closed: Whether evaluating it would end its learning: a 4-bit base on a CPU packs its weights in the first
            forward pass of eval mode, and every gradient after that is zero.
    """

    model: Any
    tokenizer: Any
    closed: bool = False


def trainable(base: Path, policy: Training, start: Path | None) -> Trainable:
    """Load a base and give it what is to be trained: the adapter at `start` if it has the wanted shape, else a new one.

    Raises:
        AdapterUnavailable: 4 bits are wanted and bitsandbytes is not installed.
        EndMarkDisagrees: The base's tokenizer names another end mark than its configuration.
    """
    if policy.adapter == "full":
        model, tokenizer = load_base(base, "fp32")
        return Trainable(model.train(), tokenizer)
    in_four_bits = policy.adapter == "qlora"
    model, tokenizer = _quantised(base) if in_four_bits else load_base(base, policy.precision)
    adapted = _adapted(model, shape_of(policy, model), start if policy.begin_from == "served" else None)
    if policy.keep_close and start is not None:
        adapted.load_adapter(str(start), adapter_name=SERVED)
    if policy.recompute:
        adapted.enable_input_require_grads()
    # Else every save asks the hub for the base's vocabulary, since an incumbent bears its base by name alone.
    for shape in adapted.peft_config.values():
        shape.base_model_name_or_path = str(base)
    return Trainable(adapted, tokenizer, closed=in_four_bits and not torch.cuda.is_available())


def shape_of(policy: Training, model: Any) -> LoraConfig:
    """Return the adapter's shape: all linear layers but the head, of the top `policy.top_layers` blocks if set.

    The backward pass stops at the lowest block with an adapter, so few top blocks halve a step.
    """
    layers, head = model.config.num_hidden_layers, model.get_output_embeddings()
    linear = {name for name, part in model.named_modules() if isinstance(part, torch.nn.Linear) and part is not head}
    top = list(range(max(0, layers - policy.top_layers), layers)) if policy.top_layers else None
    doubling = 2 * round(math.sqrt(policy.rank)) if policy.adapter == "rslora" else 2 * policy.rank
    return LoraConfig(
        r=policy.rank,
        lora_alpha=policy.alpha or doubling,
        lora_dropout=0.0,
        use_rslora=policy.adapter == "rslora",
        use_dora=policy.adapter == "dora",
        target_modules=sorted({name.rpartition(".")[2] for name in linear}),
        layers_to_transform=top,
        task_type="CAUSAL_LM",
    )


def four_bits_here() -> bool:
    """Tell whether a base can be kept in 4 bits on this machine."""
    return find_spec(_FOUR_BITS) is not None


def _quantised(base: Path) -> tuple[Any, Any]:
    """Return a base in 4 bits that has never answered, in training mode; see Trainable.closed."""
    if not four_bits_here():
        raise AdapterUnavailable(f"adapter: qlora needs the package {_FOUR_BITS}, which is not installed; try lora")
    shape = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    model = AutoModelForCausalLM.from_pretrained(base, quantization_config=shape, dtype=torch.bfloat16)
    tokenizer = load_tokenizer(base)
    check_end_mark(base, model, tokenizer)
    return model.train(), tokenizer


def _adapted(model: Any, shape: LoraConfig, start: Path | None) -> Any:
    if start is not None and _same_shape(LoraConfig.from_pretrained(start), shape):
        return PeftModel.from_pretrained(model, str(start), is_trainable=True).train()
    return get_peft_model(model, shape).train()


def _same_shape(there: LoraConfig, wanted: LoraConfig) -> bool:
    """Tell whether two adapters are alike but for their weights."""
    one, other = (
        (s.r, s.lora_alpha, s.layers_to_transform, set(s.target_modules), s.use_rslora, s.use_dora)
        for s in (there, wanted)
    )
    return bool(one == other)
