"""Words of truth: what people write in a label's column, read as bad or not."""

from collections.abc import Collection

BAD = frozenset(
    (
        *("1", "true", "yes", "bad", "unsafe", "harmful", "harm", "malicious", "positive", "attack", "injection"),
        *("jailbreak", "toxic", "hate", "abuse", "hallucinated", "ungrounded", "violation", "flagged", "fail"),
    )
)
GOOD = frozenset(
    (
        *("0", "false", "no", "good", "safe", "harmless", "benign", "negative", "legit", "legitimate", "clean"),
        *("ok", "none", "normal", "grounded", "neutral", "pass", "non-toxic", "not_toxic"),
    )
)


class UnknownLabel(ValueError):
    """A label says neither bad nor good. The message tells how to mend it."""


def bad(label: object, positive: Collection[str] = ()) -> bool:
    """Return whether a label says bad.

    Args:
        label: A word, a number or a truth value.
        positive: Words that mean bad, in any case; then all others mean good.

    Raises:
        UnknownLabel: Neither a word that is known nor 0 or 1, and nobody said which words mean bad.
    """
    word = _word(label)
    if positive:
        return word in {_word(one) for one in positive}
    if word in BAD or word in GOOD:
        return word in BAD
    raise UnknownLabel(f"label {str(label)[:40]!r} is neither bad nor good; say --positive LABEL for what means bad")


def _word(label: object) -> str:
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    word = str(label).strip().lower()
    return {"1.0": "1", "0.0": "0"}.get(word, word)
