"""What was lately judged, by text: greetings, retries, shadows and a conversation's turns come again word for word."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
REMEMBERED = 8_192


class Recent:
    """The numbers of the last texts, under their hashes: no text is kept. For any thread.

    Args:
        remember: How many.
    """

    def __init__(self, remember: int = REMEMBERED) -> None:
        self._remember = remember
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str], judge: Callable[[Sequence[int]], Numbers], *, about: str = "") -> Numbers:
        """Return a number a text, (len(texts),).

        Args:
            texts: Repeats among them are judged once.
            judge: Returns the numbers of those texts that it is given the places of.
            about: What the numbers tell, in 16 octets at most: a text has one of each.
        """
        keys = [_key(text, about) for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        missing: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if key not in found:
                missing.setdefault(key, place)
        if missing:
            numbers = judge(list(missing.values()))
            found |= dict(zip(missing, map(float, numbers), strict=True))
            self._keep({key: found[key] for key in missing})
        return np.array([found[key] for key in keys], np.float64)

    def _keep(self, numbers: dict[bytes, float]) -> None:
        with self._lock:
            self._known |= numbers
            while len(self._known) > self._remember:
                self._known.popitem(last=False)


def _key(text: str, about: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16, person=about.encode()).digest()
