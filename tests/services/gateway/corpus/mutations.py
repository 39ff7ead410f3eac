"""Pairs of the corpus with one thing changed, in what is asked and in what is said."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.services.gateway.conftest import APP
from tests.services.gateway.corpus.pairs import Pair

_VALUES: tuple[Any, ...] = (
    None, True, 10.0, "7", "\ud800", [], {}, [None], {"a": []}, -1, 1e300, 10**40, "", "\x00", {"": {"": ""}}, [[[[]]]]
)  # fmt: skip
_LONGEST = 2000


def mutated(pairs: Sequence[Pair], random: Random) -> tuple[Pair, bytes, tuple[bytes, ...]]:
    """Return a pair, and its request and pieces with one value each, somewhere, another or new; the app stays named."""
    pair = random.choice([pair for pair in pairs if len(str(pair.request)) < _LONGEST])
    tree = with_another_value(pair.request, random)
    request = json.dumps((tree if isinstance(tree, dict) else {}) | {"model": APP}).encode()
    if len(pair.pieces) == 1:
        return pair, request, (json.dumps(with_another_value(json.loads(pair.pieces[0]), random)).encode(),)
    at = random.randrange(len(pair.pieces) - 1)
    chunk = with_another_value(json.loads(pair.pieces[at].removeprefix(b"data: ")), random)
    changed = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    return pair, request, (*pair.pieces[:at], changed, *pair.pieces[at + 1 :])


def with_another_value(tree: Any, random: Random) -> Any:
    """Return a tree in which one value, somewhere, is another."""
    if isinstance(tree, dict) and tree and random.randrange(4):
        name = random.choice([name for name in tree if name != "model"] or list(tree))
        return tree | {name: with_another_value(tree[name], random)}
    if isinstance(tree, list) and tree and random.randrange(4):
        at = random.randrange(len(tree))
        return [*tree[:at], with_another_value(tree[at], random), *tree[at + 1 :]]
    return random.choice(_VALUES)


def with_other_bytes(data: bytes, random: Random) -> bytes:
    """Return bytes with a few of them gone, doubled or others."""
    out = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(out) + 1)
        kind, some = random.randrange(3), random.randbytes(random.randint(1, 6))
        if kind == 0:
            del out[at : at + len(some)]
        elif kind == 1:
            out[at:at] = some
        else:
            out[at : at + len(some)] = some
    return bytes(out)
