"""Whether a guard's files are on this machine, and where; nothing heavy is imported for a look."""

import json
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import snapshot_download

from schemas.guards import GuardSettings
from services.scorers.guards.asking import GuardUnavailable

ADAPTER = "adapter_config.json"
TOKENIZERS = ("tokenizer_config.json", "tokenizer.json")
_WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")
_OTHERS = ["original/*", "*.pth", "*.onnx"]


def folder_of(settings: GuardSettings, named: str, *, download: bool) -> Path:
    """Return the folder of a checkpoint, named by path or by model id.

    Raises:
        GuardUnavailable: It is not on this machine and may not be, or can't be, fetched.
    """
    if Path(named).is_dir():
        return Path(named)
    try:
        return Path(snapshot_download(named, local_files_only=not download, ignore_patterns=_OTHERS))
    except (OSError, ValueError) as error:
        raise absent(settings, named) from error


def base_of(settings: GuardSettings, folder: Path, *, download: bool) -> Path:
    """Return the folder of the base that an adapter is put on; of what is no adapter the folder itself.

    Raises:
        GuardUnavailable: As of `folder_of`.
    """
    adapter = folder / ADAPTER
    if not adapter.is_file():
        return folder
    named = settings.base or json.loads(adapter.read_text("utf-8"))["base_model_name_or_path"]
    return folder_of(settings, named, download=download)


def tokenizer_of(settings: GuardSettings, folder: Path, *, download: bool) -> Path:
    """Return the folder of the tokenizer: the checkpoint's, or its base's where it brings none."""
    own = any((folder / name).is_file() for name in TOKENIZERS)
    return folder if own else base_of(settings, folder, download=download)


def weight_files(folder: Path) -> Iterator[Path]:
    """Yield the files that hold weights."""
    return (path for pattern in _WEIGHTS for path in sorted(folder.glob(pattern)))


def must_have_weights(settings: GuardSettings, folder: Path) -> None:
    """Raise GuardUnavailable if a folder holds no weights."""
    if next(weight_files(folder), None) is None:
        raise absent(settings, str(folder))


def absent(settings: GuardSettings, named: str) -> GuardUnavailable:
    """Return what is said of weights that are not here."""
    return GuardUnavailable(
        f"{settings.model}: no weights of {named} on this machine: name a folder that has them as checkpoint, "
        "fetch them with `hf download`, or set download: true"
    )
