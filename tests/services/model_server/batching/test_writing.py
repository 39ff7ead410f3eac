"""What of a growing text may be shown, and when it ends."""

from collections.abc import Sequence

from services.model_server.batching.writing import Writing

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


def released(text: str, *, stop: tuple[str, ...] = (), max_tokens: int = 100) -> list[list[int]]:
    writing = Writing(spelled, {END}, stop, max_tokens)
    positions = []
    for token in text.encode():
        writing.hear(token)
        positions.append(list(writing.release()))
        if writing.reason:
            break
    return positions


def test_tokens_are_released_with_the_text_that_they_begin() -> None:
    assert released("aé") == [[0], [], [1, 2]]


def test_tokens_of_a_stop_text_are_never_released() -> None:
    assert released("ab--c", stop=("--",)) == [[0], [1], [], []]


def test_all_tokens_are_released_at_the_end() -> None:
    assert released("ab-", stop=("--",), max_tokens=3) == [[0], [1], [2]]


def test_a_text_that_is_complete_ends() -> None:
    writing = Writing(spelled, {END}, (), 100)
    assert (writing.hear(97), writing.hear(98, complete=True), writing.reason) == ("a", "b", "stop")


def test_a_long_text_is_decoded_by_its_end_alone() -> None:
    longest: list[int] = []

    def decode(tokens: Sequence[int]) -> str:
        longest.append(len(tokens))
        return spelled(tokens)

    writing = Writing(decode, {END}, (), 1000)
    text = "naïve 😀 " * 20
    assert "".join(writing.hear(token) for token in text.encode()) == text
    assert max(longest) < 12


def test_a_tokenizer_that_eats_the_first_space_keeps_the_others() -> None:
    words = {1: " a", 2: " b", 3: " c"}
    writing = Writing(lambda tokens: "".join(words[token] for token in tokens).lstrip(), {END}, (), 3)
    assert "".join(writing.hear(token) for token in (1, 2, 3)) == "a b c"
