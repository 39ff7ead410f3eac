"""Prices by model name: from the file that `prices` names in driftloop.yaml, or written there."""

import difflib
import re
from pathlib import Path

import msgspec
import yaml

from schemas.configuration import Price

_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]+)`")
_AT = re.compile(r" - at `\$\.?(?P<key>[^`]*)`$")


class BadPrices(ValueError):
    """Prices can't be used. The message is one line: where, which model, what."""


def read_prices(named: object, folder: Path) -> dict[str, Price]:
    """Return the prices of a file, or those that stand in its place.

    Args:
        named: A path, absolute or within `folder`, or a mapping of models to prices.
        folder: Where driftloop.yaml lies.

    Raises:
        BadPrices: The file can't be read, is no YAML, or has a price that is none.
    """
    if not isinstance(named, str):
        return _prices(named, "prices")
    where = f"prices: {named}"
    try:
        return _prices(yaml.safe_load((folder / named).read_text()), where)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPrices(f"{where}: {getattr(error, 'strerror', None) or 'not a text file'}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise BadPrices(f"{where}: {line}not YAML: {getattr(error, 'problem', None) or 'unreadable'}") from error


def _prices(tree: object, where: str) -> dict[str, Price]:
    if not isinstance(tree, dict):
        raise BadPrices(f"{where}: not a mapping of models to prices, as in `gpt-4o: {{input: 2.5, output: 10}}`")
    return {_model(model, where): _price(model, price, where) for model, price in tree.items()}


def _model(model: object, where: str) -> str:
    if isinstance(model, str) and model:
        return model
    raise BadPrices(f"{where}: {model}: a model's name is text; put it in quotes")


def _price(model: object, price: object, where: str) -> Price:
    if price == {}:
        raise BadPrices(f"{where}: {model}: no price; write {{input: 0, output: 0}} for a free model")
    try:
        return msgspec.convert(price, Price)
    except msgspec.ValidationError as error:
        raise BadPrices(f"{where}: {model}: {_explained(str(error))}") from error


def _explained(message: str) -> str:
    if unknown := _UNKNOWN.search(message):
        fields = [field.encode_name for field in msgspec.structs.fields(Price)]
        (near,) = difflib.get_close_matches(unknown["key"], fields, n=1, cutoff=0.0)
        return f"{unknown['key']}: unknown key; did you mean {near!r}?"
    at = _AT.search(message)
    return f"{at['key']}: {_AT.sub('', message)}" if at else message
