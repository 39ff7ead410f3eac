"""Near-duplicates among texts that were disguised: look-alike letters and leetspeak are the same text again.

By words an obfuscated copy is far from its original, so texts are compared by their letters alone.
"""

import re
import unicodedata
from collections.abc import Sequence

from sklearn.feature_extraction.text import HashingVectorizer

SIMILAR = 0.6
_LOOK_ALIKE = str.maketrans(
    "01345789@$!|+€αεορѕіеаосухьικтмнɑ(",
    "oieastbgasiiteaeopsieaocyxbiktmhac",  # that's the point
)
_NO_LETTER = re.compile(r"[\W\d_]+")


def letters(text: str) -> str:
    """Return the letters of a text, each disguised one as what it looks like."""
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LOOK_ALIKE)
    return _NO_LETTER.sub("", folded)


def far_apart(texts: Sequence[str]) -> list[bool]:
    """Tell of each text whether no text kept before it is close to it: a cosine above SIMILAR of letters by threes."""
    vectors = HashingVectorizer(analyzer="char", ngram_range=(3, 3), n_features=2**16, alternate_sign=False)
    rows = vectors.transform([letters(text) for text in texts])
    alike = (rows @ rows.T).tocsr()
    kept: list[bool] = []
    for at in range(len(texts)):
        span = slice(alike.indptr[at], alike.indptr[at + 1])
        near = alike.indices[span][alike.data[span] > SIMILAR]
        kept.append(not any(other < at and kept[other] for other in near))
    return kept
