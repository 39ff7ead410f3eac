"""What of a growing text may be shown, and when it ends."""

from collections.abc import Sequence

from services.model_server.writing import Writing

END = 999


def spelled(tokens: Sequence[int]) -> str:
    return bytes(tokens).decode(errors="replace")


def write(
    text: str, *, stop: tuple[str, ...] = (), max_tokens: int = 100, ended: bool = False
) -> tuple[list[str], str]:
    writing = Writing(spelled, {END}, stop, max_tokens)
    shown = []
    for token in [*text.encode(), *([END] if ended else [])]:
        shown.append(writing.hear(token))
        if writing.reason:
            break
    return shown, writing.reason


def test_text_is_shown_token_by_token() -> None:
    assert write("abc") == (["a", "b", "c"], "")


def test_an_incomplete_character_is_held_back() -> None:
    assert write("é!") == (["", "é", "!"], "")


def test_the_end_token_ends_the_text_and_is_no_part_of_it() -> None:
    assert write("ab", ended=True) == (["a", "b", ""], "stop")


def test_a_text_is_cut_at_its_longest() -> None:
    assert write("abcdef", max_tokens=3) == (["a", "b", "c"], "length")


def test_a_stop_text_is_never_shown_not_even_its_beginning() -> None:
    assert write("ab--c", stop=("--",)) == (["a", "b", "", ""], "stop")


def test_what_only_looked_like_a_stop_text_is_shown_after_all() -> None:
    assert write("a-b", stop=("--",)) == (["a", "", "-b"], "")


def test_held_back_text_is_shown_at_the_end() -> None:
    assert write("a-", stop=("--",), ended=True) == (["a", "", "-"], "stop")
