"""What `driftloop up` runs for whom, and who goes first on a busy machine."""

import pytest

from schemas.configuration import App, Configuration
from services.embedded.catalogue import CATALOGUE, GUARD, programs_for

OWN = App(name="bot", base_model="base", upstreams=("http://127.0.0.1:9",))
OURS = App(name="guard", base_model="tiny")
NAMES = {program.name for program in CATALOGUE}


@pytest.mark.parametrize(("apps", "left_out"), [((OWN,), {"model_server"}), ((OURS,), set()), ((OWN, OURS), set())])
def test_the_model_server_runs_when_an_app_has_no_upstreams(apps: tuple[App, ...], left_out: set[str]) -> None:
    assert NAMES - {program.name for program in programs_for(Configuration(apps=apps))} == left_out


def test_nothing_that_is_needed_is_left_out() -> None:
    programs = programs_for(Configuration(apps=(OWN,)))
    assert {need for program in programs for need in program.needs} <= {program.name for program in programs}


def test_a_guard_runs_where_a_scorer_is_for_it() -> None:
    assert GUARD not in programs_for(Configuration(apps=(OWN,)))
    assert programs_for(Configuration(apps=(OWN,)), guarded=True)[-1] is GUARD


def test_everyone_yields_to_those_who_answer_users() -> None:
    first = {program.name for program in CATALOGUE if program.niceness == 0}
    assert first == {"gateway", "model_server"}  # the broker too: events wait on the spool
    assert {program.name for program in CATALOGUE if program.urgent} == {"gateway"}
