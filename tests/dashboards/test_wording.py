import doctest
from datetime import UTC, datetime, timedelta

from dashboards import wording
from dashboards.wording import moment, offset, plain, routes
from schemas.learning import Route


def test_examples_hold() -> None:
    assert doctest.testmod(wording).failed == 0


def test_an_offset_before_the_origin_is_negative() -> None:
    assert offset(timedelta(seconds=-12)) == "−12 s"


def test_a_moment_is_told_in_utc() -> None:
    assert moment(datetime(2026, 1, 31, 12, 5, 9, tzinfo=UTC)) == "2026-01-31 12:05:09 UTC"


def test_a_shadow_answers_nobody() -> None:
    table = (
        Route(adapter_version="", variant="stable", weight=1.0),
        Route(adapter_version="a-v1", variant="shadow", mirror=0.5),
    )
    assert routes(table, "a") == "base model 100\xa0%, v1 shadows 50\xa0%"


def test_markdown_in_a_name_stays_text() -> None:
    assert plain("a_b [x](y) :red[z]") == r"a\_b \[x\](y) \:red\[z\]"
