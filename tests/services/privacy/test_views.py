"""A view reads what escapes mean, and leads back to where they stand."""

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from services.privacy.spans import Span
from services.privacy.views import alike, view_of


@given(st.text(max_size=30), st.text(alphabet="abc019@.:/ éß", min_size=1, max_size=20), st.text(max_size=30))
def test_what_is_found_in_a_view_stands_in_the_text_where_it_says(before: str, value: str, after: str) -> None:
    value = f"x{value}x"
    for escaped in (quote(value, safe=""), json.dumps(value)[1:-1]):
        text = f"{before} {escaped} {after}"
        if (view := view_of(text)) is None:
            continue
        at = view.text.find(value)
        assert at >= 0
        span = view.back(Span(at, at + len(value), "EMAIL"))
        assert text[span.start : span.end] == escaped or text.find(escaped) < len(before)


def test_a_text_without_escapes_has_no_view() -> None:
    assert view_of("50 % of all, a+ b") is None


def test_figures_of_other_scripts_keep_their_place() -> None:
    text = "a٤१４b\u00a0c\u2013d"

    assert alike(text) == "a414b c-d"


def test_what_is_far_from_an_escape_is_left_out_and_nothing_is_found_across_it() -> None:
    text = f"card%3A4111 {'word ' * 2_000}1111%20"
    view = view_of(text)

    assert view is not None
    assert len(view.text) < 600
    assert not view.is_whole(Span(0, len(view.text), "CARD"))
    at = view.text.find("4111")
    assert view.back(Span(at, at + 4, "CARD")) == Span(7, 11, "CARD")
    at = view.text.find("1111")
    assert view.back(Span(at, at + 4, "CARD")) == Span(len(text) - 7, len(text) - 3, "CARD")
