"""What a call costs, and that nobody takes what is unknown for nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import App, Price
from schemas.inference import ContentPart, Message, Usage
from schemas.prices import cost_usd, price_of

FREE, CHEAP, DEAR = Price(), Price(input=1), Price(input=2)
PICTURES = (
    Message(role="user", content="look"),
    Message(role="user", content=(ContentPart(type="text", text="at"), ContentPart(type="image_url"))),
    Message(role="user", content=(ContentPart(type="image_url"), ContentPart(type="image_url"))),
)
USAGE = Usage(
    input_tokens=1_000_000,
    cached_tokens=300_000,
    cache_write_tokens=200_000,
    output_tokens=500_000,
    reasoning_tokens=100_000,
)


def priced(price: Price | None, usage: Usage = USAGE, *messages: Message, failed: bool = False) -> float | None:
    return cost_usd(price, usage, messages, failed=failed)


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        (Price(input=2, output=10), 2 + 5),
        (Price(input=2, output=10, cached_input=1), 0.7 * 2 + 0.3 * 1 + 5),
        (Price(input=2, output=10, cached_input=1, cache_write=4), 0.5 * 2 + 0.3 * 1 + 0.2 * 4 + 5),
        (Price(input=2, output=10, cached_input=0), 0.7 * 2 + 5),
        (Price(input=2, output=10, reasoning=20), 2 + 0.4 * 10 + 0.1 * 20),
        (Price(call=0.01), 0.01),
        (FREE, 0),
        (None, None),
    ],
)
def test_each_kind_of_token_has_its_price_and_else_that_of_the_whole(price: Price | None, cost: float | None) -> None:
    assert priced(price) == (None if cost is None else pytest.approx(cost))


def test_images_of_the_prompt_and_the_call_are_priced_by_the_piece() -> None:
    assert priced(Price(image=0.5, call=0.1), USAGE, *PICTURES) == pytest.approx(3 * 0.5 + 0.1)


@pytest.mark.parametrize(
    ("price", "failed", "cost"),
    [
        (Price(input=2), False, None),
        (Price(reasoning=2), False, None),
        (FREE, False, 0),
        (Price(call=0.1), False, 0.1),
        (Price(input=2, call=0.1), True, 0),
        (None, True, None),
    ],
)
def test_without_counts_only_what_does_not_go_by_tokens_is_known(
    price: Price | None, failed: bool, cost: float | None
) -> None:
    assert priced(price, Usage(), failed=failed) == cost


def test_a_failed_call_costs_the_tokens_that_it_told() -> None:
    assert priced(Price(input=2, call=0.1), Usage(input_tokens=1_000_000), failed=True) == pytest.approx(2)


COUNTS = st.integers(min_value=0, max_value=10**9)


@given(st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, COUNTS)))
def test_parts_that_are_told_larger_than_the_whole_never_cost_more_than_it(usage: Usage) -> None:
    price = Price(input=3, cached_input=1, cache_write=2, output=5, reasoning=4)
    whole = (usage.input_tokens * 3 + usage.output_tokens * 5) / 1e6
    assert 0 <= (priced(price, usage) or 0) <= whole * (1 + 1e-9)


PRICES = {"gpt-4o": CHEAP, "gpt-4o-*": DEAR, "gpt-4o-mini*": FREE, "*": Price(input=9)}


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (("gpt-4o",), CHEAP),
        (("gpt-4o-2024-08-06",), DEAR),
        (("gpt-4o-mini-2024",), FREE),
        (("", "gpt-4o"), CHEAP),
        (("gpt-4o-mini", "gpt-4o"), FREE),
        (("a-fine-tune", "gpt-4o"), CHEAP),
        (("tiny",), Price(input=9)),
    ],
)
def test_the_most_exact_name_of_the_most_telling_model_has_the_price(models: tuple[str, ...], expected: Price) -> None:
    assert price_of(App(name="guard", base_model="tiny", prices=PRICES), *models) == expected


def test_an_apps_own_price_is_over_those_by_model_and_without_any_there_is_none() -> None:
    app = App(name="guard", base_model="tiny", price=FREE, prices=PRICES)
    assert price_of(app, "gpt-4o") == FREE
    assert price_of(App(name="guard", base_model="tiny"), "gpt-4o") is None
    assert price_of(App(name="guard", base_model="tiny", prices={"gpt-4o": CHEAP}), "tiny") is None
