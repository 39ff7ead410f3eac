"""Which version answers: spread, stickiness, growth of a canary, order of changes."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.learning import Route
from services.gateway.routing.table import BASE, RoutingTable, choose, mirrored, newest, point, table_of
from tests.services.gateway.conftest import APP, rollout

SHARES = st.floats(0.0, 1.0)
USERS = st.text(min_size=1, max_size=40)


def canary_table(share: float) -> RoutingTable:
    stable = Route(adapter_version="v1", variant="stable", weight=1 - share)
    return table_of(rollout(stable, Route(adapter_version="v2", variant="canary", weight=share)))


@given(USERS, SHARES, SHARES)
def test_a_user_of_a_small_canary_is_a_user_of_every_larger_one(user: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    at = point(APP, user)
    if choose(canary_table(small), at).variant == "canary":
        assert choose(canary_table(large), at).variant == "canary"


@given(st.text(), USERS)
def test_a_point_is_within_its_range_and_always_the_same(app: str, user: str) -> None:
    assert 0 <= point(app, user) < 1
    assert point(app, user) == point(app, user)


@given(SHARES)
def test_a_canary_gets_its_share_of_users(share: float) -> None:
    users = 4000
    table = canary_table(share)
    got = sum(choose(table, point(APP, str(user))).variant == "canary" for user in range(users))
    assert abs(got / users - share) < 0.04


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4), st.floats(0, 1, exclude_max=True))
def test_every_point_has_an_answer_whatever_the_weights(weights: list[float], at: float) -> None:
    routes = [Route(adapter_version=f"v{i}", variant="stable", weight=w) for i, w in enumerate(weights)]
    assert choose(table_of(rollout(*routes)), at) in routes


def test_an_unknown_app_is_answered_by_its_base_model() -> None:
    assert choose(RoutingTable(), 0.3) == BASE
    assert BASE.variant == "stable"


def test_a_shadow_answers_nobody_and_gets_its_share_of_copies() -> None:
    shadow = Route(adapter_version="v2", variant="shadow", mirror=0.5)
    table = table_of(rollout(Route(adapter_version="v1", variant="stable", weight=1.0), shadow))
    assert {choose(table, i / 100).adapter_version for i in range(100)} == {"v1"}
    assert mirrored(table, 0.49) == (shadow,)
    assert mirrored(table, 0.5) == ()


def test_the_change_with_the_highest_sequence_holds_in_whatever_order_they_come() -> None:
    one = rollout(Route(adapter_version="v1", variant="stable", weight=1.0), sequence=1)
    two = rollout(Route(adapter_version="v2", variant="stable", weight=1.0), sequence=2)
    assert newest({}, [two, one])[APP] == newest({}, [one, two])[APP] == newest({APP: two}, [one])[APP] == two


def test_a_change_without_routes_takes_no_version_away() -> None:
    serving = rollout(Route(adapter_version="v1", variant="stable", weight=1.0), sequence=1)
    assert newest({APP: serving}, [rollout(sequence=2)]) == {APP: serving}
