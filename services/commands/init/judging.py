"""Which answers `driftloop init` takes. Each function returns the value or raises ValueError with one line."""

import math
import os
import re
from urllib.parse import urlsplit

from schemas.configuration_parser import expand_variables
from services.commands.init.draft import Channel
from services.commands.upstream import tidied

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def app_name(text: str) -> str:
    """Take a name that the configuration takes."""
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no name: lower-case letters, digits, '.', '_' and '-', a letter or digit first")
    return text


def words(text: str) -> str:
    """Take anything that can be read."""
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is empty or holds characters that can't be printed")
    return text


def upstream_url(text: str) -> str:
    """Take an HTTP address, as a person has it; return it as the configuration wants it."""
    url = tidied(text)
    _address(expanded(url), text)
    return url


def webhook_url(text: str) -> str:
    """Take an HTTP address."""
    _address(expanded(text), text)
    return text


def expanded(text: str) -> str:
    """Return a text with ${NAME} replaced from the environment, as the processes will read it."""
    return expand_variables(text, os.environ)


def ratio(text: str) -> float:
    """Take a number from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not between 0 and 1")
    return value


def milliseconds(text: str) -> float | None:
    """Take a positive number; nothing means None."""
    if not text.strip():
        return None
    value = _number(text)
    if value <= 0:
        raise ValueError(f"{text!r} is not more than 0")
    return value


def channel(text: str) -> Channel:
    """Take the name of a channel."""
    if text == "webhook":
        return "webhook"
    if text == "console":
        return "console"
    raise ValueError(f"{text!r} is neither 'webhook' nor 'console'")


def variable(text: str) -> str:
    """Take the name of an environment variable, or nothing."""
    if text and _VARIABLE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no name of an environment variable")
    return text


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value


def _address(url: str, given: str) -> None:
    try:
        parts = urlsplit(url)
        well = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        well = False
    if not well or not url.isprintable() or " " in url:
        raise ValueError(f"{given!r} is not an http:// or https:// address")
