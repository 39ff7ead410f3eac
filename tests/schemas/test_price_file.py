"""Prices by model, from a file beside driftloop.yaml or in it, and the one line that says what is wrong."""

from pathlib import Path

import pytest

from schemas.configuration import App, Price
from schemas.configuration_parser import BadConfiguration, BadPriceFile, parse_configuration

TEXT = """
prices: prices.yaml
apps:
  - {name: guard, base_model: gpt-4o}
  - {name: cheap, base_model: gpt-4o, prices: {gpt-4o: {input: 1}}}
  - {name: free, base_model: gpt-4o, price: {input: 0, output: 0}}
"""


def apps(folder: Path, text: str = TEXT) -> tuple[App, ...]:
    return parse_configuration(text, folder).apps


def test_a_file_beside_the_configuration_prices_models_for_every_app(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        'gpt-4o: {input: 2.5, cached_input: 1.25, output: 10}\n"claude-*": {input: 3, cache_write: 3.75}\n'
    )
    guard, cheap, free = apps(tmp_path)
    assert guard.price is None
    assert guard.prices == {
        "gpt-4o": Price(input=2.5, cached_input=1.25, output=10),
        "claude-*": Price(input=3, cache_write=3.75),
    }
    assert cheap.prices == {**guard.prices, "gpt-4o": Price(input=1)}
    assert free.price == Price()


def test_the_example_of_the_documentation_is_a_price_file(tmp_path: Path) -> None:
    section = (Path(__file__).parents[2] / "docs" / "operations.md").read_text().split("## Prices")[1]
    (tmp_path / "prices.yaml").write_text(section.split("```yaml\n")[1].split("```")[0])
    assert {"small-model", "thinking-*", "our-own-model"} < set(apps(tmp_path)[0].prices)


def test_prices_may_stand_in_the_configuration_itself() -> None:
    (app,) = parse_configuration("prices: {tiny: {input: 1}}\napps: [{name: guard, base_model: tiny}]").apps
    assert app.prices == {"tiny": Price(input=1)}


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("gpt-4o: {inptu: 1}", "gpt-4o: inptu: unknown key; did you mean 'input'?"),
        ("gpt-4o: {input: -1}", "gpt-4o: input: Expected `float` >= 0.0"),
        ("gpt-4o: {input: .nan}", "gpt-4o: input: Expected `float` >= 0.0"),
        ("gpt-4o: {input: .inf}", "gpt-4o: input: Expected `float` <= 1000000.0"),
        ("gpt-4o: {input: cheap}", "gpt-4o: input: Expected `float`, got `str`"),
        ("gpt-4o: 3", "gpt-4o: Expected `object`, got `int`"),
        ("gpt-4o:", "gpt-4o: Expected `object`, got `null`"),
        ("gpt-4o: {}", "gpt-4o: no price; write {input: 0, output: 0} for a free model"),
        ("4: {input: 1}", "4: a model's name is text; put it in quotes"),
        ("- gpt-4o", "not a mapping of models to prices, as in `gpt-4o: {input: 2.5, output: 10}`"),
        ("", "not a mapping of models to prices, as in `gpt-4o: {input: 2.5, output: 10}`"),
        ("*-mini: {input: 1}", "line 1: not YAML: found undefined alias '-mini'"),
        ("a: [", "line 1: not YAML"),
        (b"\xff\xfe\x00", "not a text file"),
        (None, "No such file or directory"),
    ],
)
def test_a_bad_price_file_is_one_line_that_names_file_and_model(
    file: str | bytes | None, said: str, tmp_path: Path
) -> None:
    if file is not None:
        (tmp_path / "prices.yaml").write_bytes(file if isinstance(file, bytes) else file.encode())
    with pytest.raises(BadPriceFile) as caught:
        apps(tmp_path)
    assert str(caught.value).startswith(f"prices: prices.yaml: {said}")
    assert "\n" not in str(caught.value)


def test_a_wrong_key_in_an_apps_own_prices_is_told_like_any_other() -> None:
    with pytest.raises(BadConfiguration, match="inptu: unknown key; did you mean 'input'"):
        parse_configuration("apps: [{name: guard, base_model: tiny, prices: {tiny: {inptu: 1}}}]")
