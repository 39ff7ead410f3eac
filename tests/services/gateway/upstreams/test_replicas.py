"""Round robin over the replicas that are well."""

import pytest

from services.gateway.upstreams.replicas import Replicas


def test_replicas_take_turns() -> None:
    replicas = Replicas(["a", "b", "c"])
    assert [replicas.pick(0) for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


def test_an_unreachable_replica_rests_longer_each_time_and_comes_back() -> None:
    replicas = Replicas(["a", "b"])
    replicas.unreachable("a", 0)
    assert [replicas.pick(0.4) for _ in range(3)] == ["b", "b", "b"]
    assert "a" in {replicas.pick(0.5), replicas.pick(0.5)}
    replicas.unreachable("a", 1)
    assert {replicas.pick(1.9), replicas.pick(1.9)} == {"b"}
    replicas.reached("a")
    assert {replicas.pick(1.9), replicas.pick(1.9)} == {"a", "b"}


def test_when_all_rest_the_first_to_wake_is_asked() -> None:
    replicas = Replicas(["a", "b"])
    replicas.unreachable("b", 0)
    replicas.unreachable("a", 0.1)
    assert replicas.pick(0.2) == "b"


def test_an_upstream_without_replicas_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Replicas([])
