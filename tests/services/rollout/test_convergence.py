"""Against real HTTP replicas."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from services.clients.registry.artifacts import ArtifactStore
from services.rollout.convergence import UNLOAD_AFTER_S, Converger, Wanted
from tests.fixtures.certificates import Authority
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import until
from tests.services.rollout.builders import APP
from tests.services.rollout.replica_server import Held, locked, replica


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def converger(tmp_path: Path, clock: Clock) -> Iterator[Converger]:
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
    made = Converger(partial(ArtifactStore(str(tmp_path)).fetch, into=tmp_path / "fetched"), interval_s=60, clock=clock)
    with closing(made):
        yield made


@pytest.fixture
def pair() -> Iterator[tuple[tuple[str, str], tuple[Held, Held]]]:
    held = Held(), Held()
    with Served(replica(held[0])) as one, Served(replica(held[1])) as two:
        yield (one.url, two.url), held


def wanted(
    folder: Path, urls: tuple[str, ...], *versions: str, unwanted: frozenset[str] = frozenset()
) -> dict[str, Wanted]:
    return {APP: Wanted(urls, {version: str(folder / version) for version in versions}, unwanted)}


def test_a_running_converger_follows_a_new_wish_at_once(
    converger: Converger, pair: tuple[tuple[str, str], tuple[Held, Held]], tmp_path: Path
) -> None:
    converger.start()
    converger.want(wanted(tmp_path, pair[0], "v1"))
    until(lambda: converger.standing(APP).loaded("v1"))


def test_every_replica_gets_what_is_wanted_and_is_asked_for_it(
    converger: Converger, pair: tuple[tuple[str, str], tuple[Held, Held]], tmp_path: Path
) -> None:
    urls, held = pair
    converger.want(wanted(tmp_path, urls, "v1", "v2"))
    converger.visit_all()
    assert [set(one.adapters) for one in held] == [{"v1", "v2"}, {"v1", "v2"}]
    assert converger.standing(APP).loaded("v2")


def test_a_replica_that_restarts_empty_is_loaded_again(converger: Converger, tmp_path: Path) -> None:
    steady, port = Held(), free_port()
    with ExitStack() as stack:
        urls = (stack.enter_context(Served(replica(steady))).url, f"http://127.0.0.1:{port}")
        with Served(replica(Held()), port):
            converger.want(wanted(tmp_path, urls, "v1"))
            converger.visit_all()
            assert converger.standing(APP).loaded("v1")
        converger.visit_all()
        assert not converger.standing(APP).loaded("v1")
        assert list(converger.standing(APP).troubles) == [urls[1]]
        reborn = Held()
        stack.enter_context(Served(replica(reborn), port))
        converger.visit_all()
        assert set(reborn.adapters) == {"v1"}
        assert converger.standing(APP).loaded("v1")
        assert steady.loads.count("v1") == 1


def test_a_version_out_of_traffic_goes_after_a_while_and_strangers_stay(
    converger: Converger, pair: tuple[tuple[str, str], tuple[Held, Held]], tmp_path: Path, clock: Clock
) -> None:
    urls, held = pair
    held[0].adapters["of-another-app"] = "/elsewhere"
    converger.want(wanted(tmp_path, urls, "v1", "v2"))
    converger.visit_all()
    converger.want(wanted(tmp_path, urls, "v2", unwanted=frozenset({"v1"})))
    converger.visit_all()
    assert "v1" in held[0].adapters
    clock.now += UNLOAD_AFTER_S
    converger.visit_all()
    assert set(held[0].adapters) == {"v2", "of-another-app"}
    assert set(held[1].adapters) == {"v2"}


def test_an_adapter_that_is_not_there_is_refused_with_its_reason(
    converger: Converger, pair: tuple[tuple[str, str], tuple[Held, Held]], tmp_path: Path
) -> None:
    converger.want(wanted(tmp_path, pair[0], "missing"))
    converger.visit_all()
    assert "no adapter folder" in converger.standing(APP).refusals["missing"]


def test_a_folder_that_the_replica_cannot_see_is_refused(
    pair: tuple[tuple[str, str], tuple[Held, Held]], tmp_path: Path
) -> None:
    with closing(Converger(lambda _: tmp_path / "only-here", interval_s=60)) as converger:
        converger.want(wanted(tmp_path, pair[0], "v1"))
        converger.visit_all()
        assert "404" in converger.standing(APP).refusals["v1"]


def test_a_version_already_loaded_by_someone_else_is_taken_as_loaded(
    converger: Converger, pair: tuple[tuple[str, str], tuple[Held, Held]], tmp_path: Path
) -> None:
    urls, held = pair
    for one in held:
        one.adapters["v1"] = "/theirs"
    converger.want(wanted(tmp_path, urls, "v1"))
    converger.visit_all()
    assert converger.standing(APP).loaded("v1")


def test_a_replica_that_wants_a_key_is_told_the_apps_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "v1").mkdir()
    held, told = Held(), {"authorization": "Bearer s3cret-of-bot"}
    with (
        Served(locked(replica(held), "s3cret-of-bot")) as server,
        closing(Converger(lambda _: tmp_path / "v1", interval_s=60)) as without,
        closing(Converger(lambda _: tmp_path / "v1", interval_s=60, headers={APP: told})) as with_it,
    ):
        for converger in (without, with_it):
            converger.want(wanted(tmp_path, (server.url,), "v1"))
            converger.visit_all()
        assert not without.standing(APP).loaded("v1")
        assert with_it.standing(APP).loaded("v1")
    assert "s3cret" not in caplog.text + str(without.standing(APP)) + str(with_it.standing(APP))


def test_a_replica_with_a_private_ca_is_visited_by_its_file_alone(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    authority, held = Authority(tmp_path), Held()
    with (
        Served(replica(held), tls=authority.both()) as server,
        closing(Converger(lambda _: tmp_path / "v1", interval_s=60)) as without,
        closing(Converger(lambda _: tmp_path / "v1", interval_s=60, trust={APP: authority.trusted()})) as with_it,
    ):
        for converger in (without, with_it):
            converger.want(wanted(tmp_path, (server.url,), "v1"))
            converger.visit_all()
        assert not without.standing(APP).loaded("v1")
        assert with_it.standing(APP).loaded("v1")
