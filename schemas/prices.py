"""What a call costs, whoever tells of it: gateway and collector price by the same rules. Pure.

Unknown is None and never 0: without a price, or without counts where the price goes by tokens, nobody
knows what a call cost. A price of 0 that is written out is known.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from schemas.configuration import App, Price
from schemas.inference import Message, Usage

_MILLION = 1_000_000
_ANY_MODEL = "*"
_NO_TOKENS = Usage()


def price_of(app: App, *models: str) -> Price | None:
    """Return the app's own price, else that of the first model that has one; None where nobody says.

    Args:
        app: With the prices by model that hold for it.
        models: What the call went to by all its names, the most telling first; empty ones don't count.
    """
    if app.price is not None or not app.prices:
        return app.price
    found = (_price_by_name(app.prices, model) for model in models if model)
    return next((price for price in found if price is not None), app.prices.get(_ANY_MODEL))


def _price_by_name(prices: Mapping[str, Price], model: str) -> Price | None:
    """The exact name, else the matching pattern with the most letters of its own; `*` alone is no model's."""
    if model in prices:
        return prices[model]
    patterns = (name for name in prices if "*" in name and name != _ANY_MODEL and fnmatchcase(model, name))
    closest = max(patterns, key=lambda name: (len(name) - name.count("*"), name), default=None)
    return None if closest is None else prices[closest]


def cost_usd(price: Price | None, usage: Usage, messages: Sequence[Message], *, failed: bool) -> float | None:
    """Return what a call cost; None where that is unknown.

    Args:
        price: None where the call has none.
        usage: By the contract: cached, written and reasoning tokens are parts of the whole.
        messages: What was asked; its images are counted.
        failed: There was no answer. With no tokens told either, the call is taken to have cost nothing.
    """
    if price is None:
        return None
    if usage == _NO_TOKENS:
        if failed:
            return 0.0
        if _goes_by_tokens(price):
            return None
    images = _images(messages) * price.image if price.image else 0.0
    return _tokens_usd(price, usage) + images + (0.0 if failed else price.call)


def _goes_by_tokens(price: Price) -> bool:
    return any((price.input, price.output, price.cached_input, price.cache_write, price.reasoning))


def _tokens_usd(price: Price, usage: Usage) -> float:
    written = min(usage.cache_write_tokens, max(0, usage.input_tokens - usage.cached_tokens))
    fresh = max(0, usage.input_tokens - usage.cached_tokens - written)
    said = max(0, usage.output_tokens - usage.reasoning_tokens)
    return (
        fresh * price.input
        + min(usage.cached_tokens, usage.input_tokens) * _or(price.cached_input, price.input)
        + written * _or(price.cache_write, price.input)
        + said * price.output
        + min(usage.reasoning_tokens, usage.output_tokens) * _or(price.reasoning, price.output)
    ) / _MILLION


def _or(own: float | None, whole: float) -> float:
    return whole if own is None else own


def _images(messages: Sequence[Message]) -> int:
    parts = (part for message in messages if not isinstance(message.content, str) for part in message.content)
    return sum(part.type == "image_url" for part in parts)
