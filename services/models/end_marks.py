"""What ends an answer: tokenizer, configuration and generation must name the same token, or answers never end."""

from pathlib import Path
from typing import Any


class EndMarkDisagrees(ValueError):
    """What a model learns as the end of an answer is not what generation stops at."""


def end_marks(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: what generation stops at, and the tokenizer's own."""
    return frozenset(token for token in (*_declared(model), tokenizer.eos_token_id) if token is not None)


def check_end_mark(folder: Path, model: Any, tokenizer: Any) -> None:
    """Compare the marks of a model that was loaded from `folder`.

    Raises:
        EndMarkDisagrees: The tokenizer's is none of the model's. One line, which says how to mend it.
    """
    declared = _declared(model)
    if declared and tokenizer.eos_token_id not in declared:
        right = tokenizer.convert_ids_to_tokens(declared[0])
        raise EndMarkDisagrees(
            f"base model {folder}: its tokenizer ends an answer with {tokenizer.eos_token!r}, generation stops at "
            f"{right!r}; set eos_token to {right!r} in tokenizer_config.json"
        )


def set_marks(model: Any, tokenizer: Any) -> None:
    """Give the tokenizer the model's end mark, and all three another token for padding where there is one.

    Padding with the end mark would let a trainer that hides padding hide the end as well.
    """
    end = _declared(model)[0]
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
    others = [token for token in tokenizer.all_special_ids if token not in (end, tokenizer.bos_token_id)]
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(others[0] if others else end)
    for settings in (model.config, model.generation_config):
        settings.eos_token_id, settings.pad_token_id = end, tokenizer.pad_token_id


def _declared(model: Any) -> list[int]:
    """Return what generation stops at, the model's own configuration where generation has none."""
    found = model.generation_config.eos_token_id
    if found is None:
        found = model.config.eos_token_id
    several = found if isinstance(found, list) else [found]
    return [token for token in several if token is not None]
