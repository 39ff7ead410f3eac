"""Who is let in, decided from values alone."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.access import UNLIMITED, AccessKey, KeyLimits, Scope, Spent, month_of, next_month
from services.parts.access.decisions import closed, other_app, out_of_scope, over_minute, over_month, unknown

NOW = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)


def key(
    *scopes: Scope, app: str = "", expires_at: datetime | None = None, revoked_at: datetime | None = None
) -> AccessKey:
    return AccessKey("k1", "", app, "", frozenset(scopes), NOW, UNLIMITED, expires_at, revoked_at)


def test_who_tells_no_key_is_told_how_and_who_tells_a_wrong_one_is_told_so() -> None:
    nothing, wrong = unknown(told=False), unknown(told=True)
    assert (nothing.status, nothing.code, wrong.status, wrong.code) == (401, "invalid_api_key", 401, "invalid_api_key")
    assert "Authorization: Bearer" in nothing.message
    assert wrong.message == "this API key is not known"
    assert wrong.refusal.headers == {"WWW-Authenticate": "Bearer"}


def test_a_key_is_good_until_the_moment_of_its_expiry() -> None:
    expiring = key("infer", expires_at=NOW)
    assert closed(expiring, NOW - timedelta(milliseconds=1)) is None
    denial = closed(expiring, NOW)
    assert denial is not None
    assert (denial.status, denial.message) == (401, "this API key has expired")


def test_a_revoked_key_is_closed_whatever_its_expiry() -> None:
    denial = closed(key("infer", expires_at=NOW + timedelta(days=1), revoked_at=NOW), NOW)
    assert denial is not None
    assert (denial.status, denial.message) == (401, "this API key was revoked")


def test_one_of_the_scopes_is_enough() -> None:
    assert out_of_scope(key("feedback"), ("feedback", "ingest")) is None
    denial = out_of_scope(key("read"), ("feedback", "ingest"))
    assert denial is not None
    assert (denial.status, denial.message) == (403, "this API key lacks the scope feedback or ingest")


def test_a_key_of_an_app_is_for_it_alone_and_one_of_none_for_all() -> None:
    assert other_app("guard", "guard") is None
    assert other_app("", "guard") is None
    denial = other_app("guard", "bot")
    assert denial is not None
    assert denial.status == 403


def test_the_minute_slides_and_its_denial_says_when_to_come_again() -> None:
    limits = KeyLimits(requests_per_minute=2)
    assert over_minute([], limits, 100.0) is None
    assert over_minute([100.0], limits, 100.0) is None
    denial = over_minute([100.0, 130.0], limits, 140.5)
    assert denial is not None
    assert (denial.status, denial.code, denial.retry_after_s) == (429, "rate_limit_exceeded", 20)
    assert denial.refusal.headers == {"Retry-After": "20"}
    assert over_minute([100.0, 130.0], limits, 160.0) is None


def test_whoever_comes_again_when_told_is_let_in() -> None:
    limits, taken = KeyLimits(requests_per_minute=3), [0.0, 1.25, 59.9]
    denial = over_minute(taken, limits, 59.95)
    assert denial is not None
    assert denial.retry_after_s is not None
    assert over_minute(taken, limits, 59.95 + denial.retry_after_s) is None


@pytest.mark.parametrize(
    ("limits", "spent"),
    [
        (KeyLimits(tokens_per_month=100), Spent(1, 100, 0.0)),
        (KeyLimits(usd_per_month=2.5), Spent(1, 0, 2.5)),
        (KeyLimits(tokens_per_month=1000, usd_per_month=1), Spent(1, 5, 3.0)),
    ],
)
def test_a_used_up_month_is_denied_until_the_next_one_begins(limits: KeyLimits, spent: Spent) -> None:
    denial = over_month(limits, spent, NOW)
    assert denial is not None
    assert (denial.status, denial.code, denial.kind) == (429, "insufficient_quota", "insufficient_quota")
    assert denial.retry_after_s == 30
    assert "2027-01-01T00:00:00Z" in denial.message


def test_a_month_that_is_not_used_up_and_one_without_bounds_are_open() -> None:
    assert over_month(KeyLimits(tokens_per_month=100, usd_per_month=2), Spent(9, 99, 1.99), NOW) is None
    assert over_month(UNLIMITED, Spent(10**9, 10**12, 1e9), NOW) is None


def test_a_month_ends_where_the_next_begins() -> None:
    assert (month_of(NOW), next_month(NOW)) == ("2026-12", datetime(2027, 1, 1, tzinfo=UTC))
    assert next_month(datetime(2026, 1, 31, 5, tzinfo=UTC)) == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="usd_per_month: not a number above 0"):
        KeyLimits(usd_per_month=value)
