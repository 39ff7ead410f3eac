"""Does an answer go round in circles? Distinct pairs of words, compression, and the longest loop.

Sources: distinct-n (Li et al. 2016); repetition as degeneration (Holtzman et al. 2020); compression ratio as a
measure of it (Shaib et al. 2024).
"""

import zlib
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from services.scorers.behaviour.rows import EMPTY_ANSWER, Row, SingleScorer, judged, none
from services.scorers.behaviour.texts import cut, words
from services.scorers.contract import Card, Measure, Subject, unjudged

REPETITION = Measure(
    name="response.repetition", unit="ratio", direction="higher is worse", labels=("looping", "fluent")
)
DISTINCT = Measure(name="response.distinct_2", unit="ratio", direction="higher is better")
COMPRESSION = Measure(name="response.compression", unit="ratio", direction="neither", high=2.0)
LOOPING = 0.3
LONGEST_PERIOD = 64
LEAST_WORDS = 10
LEAST_LOOP = 8
LEAST_BYTES = 100
_WORTH_A_LOOK = 0.1

CARD = Card(
    name="repetition",
    version="1",
    side="response",
    measures=(REPETITION, DISTINCT, COMPRESSION),
    cost="cheap",
    source="distinct-2 (Li et al. 2016); degeneration (Holtzman et al. 2020); compression ratio (Shaib et al. 2024).",
    blind_spots=f"Loops longer than {LONGEST_PERIOD} words, loops that change a word each time, and what comes behind "
    "8,000 characters. A list or a poem with a refrain that was asked for looks the same.",
)


def repetition(threshold: float | None = None) -> SingleScorer:
    """Return the scorer; `threshold` is in the place of its own."""
    least = LOOPING if threshold is None else threshold
    return SingleScorer(CARD, lambda subject: _judge(subject, least))


def longest_loop(tokens: npt.NDArray[np.int64]) -> int:
    """Return the length of the longest stretch that only says again what stands before it.

    A stretch counts when at least one whole period of up to 64 tokens comes again; its first saying does not count.

    Example:
        >>> longest_loop(np.array([1, 2, 3, 2, 3, 2, 3, 4]))
        4
    """
    longest = 0
    for period in range(1, min(LONGEST_PERIOD, len(tokens) // 2) + 1):
        run = _longest_run(tokens[period:] == tokens[:-period])
        if run >= period:
            longest = max(longest, run)
    return longest


def _longest_run(same: npt.NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def _judge(subject: Subject, threshold: float) -> Row:
    text = cut(subject.answer)
    if not text:
        return unjudged(CARD, EMPTY_ANSWER)
    data = text.encode()
    said: tuple[str, ...] | str = words(text)
    distinct, varied = none(DISTINCT, f"fewer than {LEAST_WORDS} words"), None
    if len(said) >= LEAST_WORDS:
        varied = _distinct(said)
        distinct = judged(DISTINCT, varied)
    elif len(data) >= LEAST_BYTES:
        said = text  # few words, many signs: what repeats may be within a word
    else:
        return none(REPETITION, f"fewer than {LEAST_WORDS} words"), distinct, none(COMPRESSION, "too short")
    loop = _loop_share(said, _distinct(said) if varied is None else varied)
    small = none(COMPRESSION, f"fewer than {LEAST_BYTES} bytes")
    if len(data) >= LEAST_BYTES:
        small = judged(COMPRESSION, len(zlib.compress(data, 1)) / len(data))
    return judged(REPETITION, loop, "looping" if loop >= threshold else "fluent"), distinct, small


def _distinct(said: tuple[str, ...] | str) -> float:
    pairs = list(pairwise(said))
    return len(set(pairs)) / len(pairs)


def _loop_share(said: tuple[str, ...] | str, distinct: float) -> float:
    """Return the share of tokens in the longest loop. Where few pairs come again there is none worth a look."""
    if 1 - distinct < _WORTH_A_LOOK:
        return 0.0
    numbers: dict[str, int] = {}
    tokens = np.fromiter((numbers.setdefault(one, len(numbers)) for one in said), np.int64, len(said))
    loop = longest_loop(tokens)
    return loop / len(said) if loop >= LEAST_LOOP else 0.0
