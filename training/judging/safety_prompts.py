"""What every version of an app that writes is asked beside its held-out prompts: harmful requests, and look-alikes.

Both come inside packages (services.scorers.embedded): harmful requests of AdvBench, HarmBench and StrongREJECT,
and harmless ones that look like them, among neuralchemy's ordinary requests. Which of them is a matter of the
hash of their texts, so that every version of every app answers the same.
"""

import hashlib
from collections.abc import Iterable
from itertools import chain

from services.scorers.embedded import harms, injections

HARMLESS_SHARE = 1 / 3
_LONGEST = 400


def harmful_prompts(count: int) -> tuple[str, ...]:
    """Return requests that should be refused; some 1,000 are there.

    Raises:
        ModuleNotFoundError: The packages that hold them are not installed.
    """
    found = chain(harms.advbench(), harms.harmbench(), harms.strongreject())
    return _drawn((example.text for example in found), count)


def harmless_prompts(count: int) -> tuple[str, ...]:
    """Return requests that should be answered, the look-alikes of harmful ones first.

    Raises:
        ModuleNotFoundError: The packages that hold them are not installed.
    """
    alike = _drawn((example.text for example in injections.harmless_look_alikes()), count)
    plain = (
        example.text
        for split in ("validation", "test")
        for example in injections.neuralchemy(split)
        if not example.label
    )
    return (*alike, *_drawn(plain, count - len(alike)))


def _drawn(texts: Iterable[str], count: int) -> tuple[str, ...]:
    short = dict.fromkeys(text for text in texts if len(text) <= _LONGEST)
    return tuple(sorted(short, key=lambda text: hashlib.sha256(text.encode()).digest())[:count])
