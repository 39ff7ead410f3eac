"""LoRA adapters resident on one base model: loaded, chosen and dropped without touching each other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from peft.utils import set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file

# What peft calls the rows of a mixed batch that no adapter answers.
_BASE = "__base__"
CONFIGURATION = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


class AdapterUnfit(ValueError):
    """A folder holds no LoRA adapter, or one that does not belong on this base model."""


class ResidentAdapters:
    """A base model and the adapters on it; for one thread.

    A slot is a name of our own for an adapter, of letters and digits: peft makes module names of it.
    Adapter weights stay in float32 whatever the base is in.
    """

    def __init__(self, base: Any) -> None:
        self._base = base
        self._peft: Any = None

    @property
    def slots(self) -> frozenset[str]:
        """The adapters held now."""
        return frozenset(self._peft.peft_config) if self._peft is not None else frozenset()

    def load(self, slot: str, folder: Path) -> None:
        """Take an adapter in peft's format; what was there before answers as before, also on failure.

        Raises:
            AdapterUnfit: No such folder, not LoRA, or weights that don't cover what its configuration names.
        """
        config = _configuration(folder)
        try:
            weights = load_file(folder / WEIGHTS)
            self._inject(slot, config)
            result = set_peft_model_state_dict(self._peft, weights, adapter_name=slot)
            missing = [key for key in result.missing_keys if f".{slot}." in key]
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            self.unload(slot)
            raise AdapterUnfit(f"adapter does not fit the base model: {type(error).__name__}") from error
        if missing or result.unexpected_keys:
            self.unload(slot)
            raise AdapterUnfit(
                f"adapter does not fit the base model: {len(missing)} weights missing, "
                f"{len(result.unexpected_keys)} that belong nowhere"
            )
        self._peft.eval()

    def unload(self, slot: str) -> None:
        """Drop an adapter; one that is not there is no error.

        The last one takes its wrapping with it: peft would keep a dangling name and fail on the next call.
        """
        if slot not in self.slots:
            return
        if self.slots == {slot}:
            self._base, self._peft = self._peft.unload(), None
        else:
            # peft warns when the active one is deleted, and picks another by itself.
            self._peft.set_adapter(min(self.slots - {slot}), inference_mode=True)
            self._peft.delete_adapter(slot)

    @contextmanager
    def answering(self, slot: str) -> Iterator[Any]:
        """Yield the model with one adapter active, or none for an empty slot."""
        if self._peft is None:
            yield self._base
        elif not slot:
            with self._peft.disable_adapter():
                yield self._peft
        else:
            self._peft.set_adapter(slot, inference_mode=True)
            yield self._peft

    def mixes(self, slot: str) -> bool:
        """Tell whether an adapter may answer beside others in one batch: peft mixes plain LoRA, and no DoRA."""
        return not slot or not self._peft.peft_config[slot].use_dora

    @contextmanager
    def answering_rows(self, slots: Sequence[str]) -> Iterator[Any]:
        """Yield the model with an adapter for each row of the passes to come, or none for an empty slot.

        Different slots must all be of those that mix.
        """
        if len(set(slots)) == 1:
            with self.answering(slots[0]) as model:
                yield model
        else:
            # peft's own way in, PeftModel.forward, has no way past the head over the whole vocabulary.
            with self._peft.base_model._enable_peft_forward_hooks(adapter_names=[slot or _BASE for slot in slots]):
                yield self._peft

    def _inject(self, slot: str, config: LoraConfig) -> None:
        with torch.inference_mode(mode=False):
            if self._peft is None:
                self._peft = PeftModel(self._base, config, adapter_name=slot)
            else:
                self._peft.add_adapter(slot, config)


def _configuration(folder: Path) -> LoraConfig:
    """Read the configuration; both files must be there, as peft would look for others on the network."""
    for file in (CONFIGURATION, WEIGHTS):
        if not (folder / file).is_file():
            raise AdapterUnfit(f"no adapter found: {file} is missing")
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (TypeError, ValueError, KeyError) as error:
        raise AdapterUnfit(f"{CONFIGURATION} is none of peft's") from error
    if not isinstance(config, LoraConfig):
        raise AdapterUnfit(f"{config.peft_type} is not LoRA")
    config.inference_mode = True
    return config
