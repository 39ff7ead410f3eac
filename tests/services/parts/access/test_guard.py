"""When keys are asked for, and how a process ends that nobody could come in to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from schemas.settings import Settings, port_variable
from services.parts.access.admitted import EVERYBODY
from services.parts.access.guard import Needs, NobodyCouldComeIn, admitted_otherwise, guarded
from services.parts.ingress.errors import Refusal
from tests.fixtures.keys import bearer, make_key, revoke
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S

ROOT = Path(__file__).parents[4]
NEEDS = Needs(("infer",), {"/v1/feedback": ("feedback",)})


def guard(settings: Settings) -> Starlette:
    return guarded(Starlette(), settings, NEEDS, CollectorRegistry())


def deployment(data: Path, **variables: str) -> Settings:
    return Settings.from_environment({"DRIFTLOOP_DATA": str(data)} | variables)


def test_where_no_keys_are_required_nothing_stands_in_front_and_no_store_is_made(tmp_path: Path) -> None:
    application = Starlette()
    assert guarded(application, deployment(tmp_path), NEEDS, CollectorRegistry()) is application
    assert application.user_middleware == []
    assert list(tmp_path.iterdir()) == []


def test_an_open_gateway_does_not_load_the_stores_libraries() -> None:
    code = (
        "import sys, services.gateway.application, services.collector.application; "
        "print([name for name in ('sqlalchemy', 'alembic') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"DRIFTLOOP_HOST": "0.0.0.0"}, "DRIFTLOOP_HOST is 0.0.0.0"),
        ({"DRIFTLOOP_HOST": "0.0.0.0", "DRIFTLOOP_PUBLISH": "192.0.2.7"}, "DRIFTLOOP_PUBLISH is 192.0.2.7"),
        ({"DRIFTLOOP_KEYS": "required"}, "DRIFTLOOP_KEYS is required"),
    ],
)
@pytest.mark.parametrize("kind", ["none", "expired", "revoked"])
def test_a_process_that_nobody_could_come_in_to_says_how_to_go_on(
    tmp_path: Path, variables: dict[str, str], why: str, kind: str
) -> None:
    settings = deployment(tmp_path, **variables)
    _useless_key(settings, kind)
    with pytest.raises(NobodyCouldComeIn) as refused:
        guard(settings)
    assert str(refused.value) == (
        f"{why} and there is no key; make one: driftloop keys create --app guard; "
        "or DRIFTLOOP_KEYS=open behind a proxy that knows its callers"
    )
    make_key(settings, app="guard")
    assert guard(settings).user_middleware


def _useless_key(settings: Settings, kind: str) -> None:
    if kind != "none":
        secret = make_key(settings, app="guard", expires="1ms" if kind == "expired" else "")
        if kind == "revoked":
            revoke(settings, secret)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DRIFTLOOP_HOST": "::1"},
        {"DRIFTLOOP_HOST": "localhost"},
        {"DRIFTLOOP_HOST": "0.0.0.0", "DRIFTLOOP_KEYS": "open"},
        {"DRIFTLOOP_HOST": "0.0.0.0", "DRIFTLOOP_PUBLISH": "127.0.0.1", "DRIFTLOOP_KEYS": ""},
    ],
)
def test_what_only_this_machine_reaches_or_a_person_opened_asks_for_no_keys(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    assert not deployment(tmp_path, **variables).keys_required


def test_a_store_that_can_not_be_read_at_the_start_is_one_line_without_its_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me:password@127.0.0.1:1/driftloop"
    with pytest.raises(NobodyCouldComeIn) as refused:
        guard(deployment(tmp_path, DRIFTLOOP_KEYS="required", DRIFTLOOP_STORE_URL=url))
    assert "can't be read from postgresql+psycopg://127.0.0.1:1/driftloop" in str(refused.value)
    assert "password" not in str(refused.value)


@pytest.mark.parametrize("name", ["gateway", "collector", "control"])
def test_bound_to_the_world_without_a_key_each_entrance_ends_with_one_line_and_status_2(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "driftloop.yaml").write_text("apps: [{name: guard, base_model: tiny, upstreams: ['http://a.b']}]\n")
    environment = {
        **os.environ,
        "DRIFTLOOP_DATA": str(tmp_path / "data"),
        "DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml"),
        "DRIFTLOOP_HOST": "0.0.0.0",
        port_variable(name): str(free_port()),
        port_variable("otlp"): str(free_port()),
    }
    command = [sys.executable, "-m", f"services.{name}"]
    ended = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr == (
        f"{name}: DRIFTLOOP_HOST is 0.0.0.0 and there is no key; make one: driftloop keys create --app guard; "
        "or DRIFTLOOP_KEYS=open behind a proxy that knows its callers\n"
    )


def test_who_comes_in_by_another_way_than_http_is_asked_for_the_same_key(tmp_path: Path) -> None:
    settings = deployment(tmp_path, DRIFTLOOP_KEYS="required")
    secret = make_key(settings, tenant="acme", scopes=("ingest",))
    application = guard(settings)
    assert admitted_otherwise(application, bearer(secret), ("ingest",)).tenant == "acme"
    with pytest.raises(Refusal) as refused:
        admitted_otherwise(application, {}, ("ingest",))
    assert refused.value.status == 401
    assert admitted_otherwise(guard(deployment(tmp_path)), {}, ("ingest",)) is EVERYBODY


def test_paths_are_of_the_scopes_that_a_process_says() -> None:
    paths = ("/healthz", "/metrics", "/v1/feedback", "/v1/chat/completions", "/healthz/", "/v1/feedback/x", "/")
    assert {path: NEEDS.of(path) for path in paths} == {
        "/healthz": (),
        "/metrics": ("read",),
        "/v1/feedback": ("feedback",),
        **dict.fromkeys(("/v1/chat/completions", "/healthz/", "/v1/feedback/x", "/"), ("infer",)),
    }
