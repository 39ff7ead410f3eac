"""That a number is named near it is known without a look at its surroundings, and is what a look would say."""

from hypothesis import example, given
from hypothesis import strategies as st

from services.privacy.patterns.numbers import NUMBERS
from services.privacy.patterns.reading import Text
from services.privacy.patterns.rules import one_of
from services.privacy.patterns.told import Told

NAMED = [number.words for number in NUMBERS if number.words]
WORDS = sorted({word for words in NAMED for word in words})
pieces = st.lists(
    st.sampled_from([*WORDS, *(word.replace(" ", "_").upper() for word in WORDS), "İ", "ß"])
    | st.text(alphabet="0123456789 -_.:aS\n", max_size=30),
    max_size=12,
)


@given(pieces, st.integers(0, 400), st.integers(1, 30))
@example(["nif", "a" * 48, "1"], 48, 1)
@example(["1", " " * 21, "nif"], 0, 1)
@example(["1", " " * 22, "nif"], 0, 1)
def test_what_is_told_of_a_place_is_what_its_surroundings_say(parts: list[str], start: int, length: int) -> None:
    text = Text.of("".join(parts))
    told, end = Told(text), start + length
    for words in NAMED:
        pattern = one_of(words)
        assert told.named(words, pattern, start, end) == (pattern.search(text.around(start, end)) is not None)
