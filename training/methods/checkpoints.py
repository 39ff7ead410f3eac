"""What a training leaves on disk: checkpoints that are whole or not used, and a result that is whole or not there."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from peft import PeftModel

from services.models.adapters import CONFIGURATION
from training.methods.lessons import ADAPTER

CHECKPOINTS = "checkpoints"


def last_checkpoint(work: Path) -> str | None:
    """Return the newest checkpoint that was written to its end; one cut short by a kill is removed.

    What a training compares with is made anew when it begins, so its copy goes as well: a Trainer that
    finds a folder of another adapter in a checkpoint loads that one and leaves the trained one as it began.
    """
    found = sorted((work / CHECKPOINTS).glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in reversed(found):
        if _is_whole(path):
            for other in path.glob(f"*/{CONFIGURATION}"):
                shutil.rmtree(other.parent)
            return str(path)
        shutil.rmtree(path)
    return None


def saved(trained: Any, tokenizer: Any, work: Path) -> Path:
    """Save an adapter, or a whole model with its tokenizer, and move it into its place."""
    target = work / ADAPTER
    scratch = target.with_suffix(".partial")
    shutil.rmtree(scratch, ignore_errors=True)
    if isinstance(trained, PeftModel):
        trained.save_pretrained(scratch, selected_adapters=["default"])
    else:
        trained.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
    os.replace(scratch, target)
    return target


def _is_whole(checkpoint: Path) -> bool:
    """Tell whether a checkpoint was written to its end: Trainer writes this file last."""
    try:
        state = json.loads((checkpoint / "trainer_state.json").read_text())
    except (ValueError, OSError):
        return False
    return f"checkpoint-{state['global_step']}" == checkpoint.name
