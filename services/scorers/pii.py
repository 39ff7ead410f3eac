"""Personal data in texts, found by patterns alone: counted in traffic, masked in training data.

presidio with a blank spaCy pipeline: e-mail, phone, card, IBAN, IP, US social security number and
Bitcoin address. Names and places need a language model and are not found.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

MINIMUM_SCORE = 0.4
MAX_CHARACTERS = 20_000
_MINIMUM_DIGITS = 6
_UNWANTED = ("torch", "transformers", "stanza")


@dataclass(frozen=True, slots=True)
class Span:
    """An entity at text[start:end]."""

    start: int
    end: int
    entity: str
    score: float


def count_entities(text: str) -> int:
    """Return how many entities of personal data stand in a text.

    Example:
        >>> count_entities("write to jane@example.com or 10.1.2.33")
        2
    """
    return len(find_entities(text))


def mask(text: str) -> tuple[str, int]:
    """Return the text with each entity replaced by <ITS_TYPE>, and how many there were.

    Example:
        >>> mask("write to jane@example.com")
        ('write to <EMAIL_ADDRESS>', 1)
    """
    spans = find_entities(text)
    for span in reversed(spans):
        text = f"{text[: span.start]}<{span.entity}>{text[span.end :]}"
    return text, len(spans)


def find_entities(text: str) -> tuple[Span, ...]:
    """Return the entities of a text in its order, no two overlapping: the surer, then the longer wins.

    Text past 20,000 characters is analysed in pieces, cut at that length.
    """
    pieces = range(0, len(text), MAX_CHARACTERS)
    return tuple(span for start in pieces for span in _find(text[start : start + MAX_CHARACTERS], start))


def _find(text: str, offset: int) -> list[Span]:
    if not _may_hold_any(text):
        return []
    found = _engine().analyze(text, language="en", score_threshold=MINIMUM_SCORE)
    spans = [Span(offset + r.start, offset + r.end, r.entity_type, r.score) for r in found]
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start, s.entity)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


def _may_hold_any(text: str) -> bool:
    """Every pattern needs an @, a double colon (IPv6) or some digits; most texts have none of them."""
    if "@" in text or "::" in text:
        return True
    return sum(map(str.isdigit, text)) >= _MINIMUM_DIGITS or text.count(".") >= 3


@contextmanager
def _without_heavy_imports() -> Iterator[None]:
    """Let presidio and spaCy believe that torch is absent: they import it merely to ask for a GPU.

    It costs 800 MB that no pattern needs. Modules already imported stay as they are.
    """
    absent = [name for name in _UNWANTED if name not in sys.modules]
    blocked: dict[str, Any] = dict.fromkeys(absent)
    sys.modules.update(blocked)
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


@cache
def _engine() -> Any:
    with _without_heavy_imports():
        import presidio_analyzer
        import presidio_analyzer.nlp_engine as engines
        import presidio_analyzer.predefined_recognizers as known
        import spacy
        import tldextract
    logging.getLogger("presidio-analyzer").setLevel(logging.WARNING)
    # The default extractor downloads the list of domain suffixes; this one reads its packaged copy.
    suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    email = known.EmailRecognizer()
    email.validate_result = lambda text: suffixes(text).fqdn != ""
    patterns = (known.CreditCardRecognizer, known.IbanRecognizer, known.IpRecognizer, known.UsSsnRecognizer)
    phone = known.PhoneRecognizer(supported_regions=("US", "GB", "DE", "FR"))
    recognizers = [email, phone, known.CryptoRecognizer(), *(recognizer() for recognizer in patterns)]
    nlp = engines.SpacyNlpEngine()
    nlp.nlp = {"en": spacy.blank("en")}
    registry = presidio_analyzer.RecognizerRegistry(recognizers=recognizers, supported_languages=["en"])
    return presidio_analyzer.AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])
