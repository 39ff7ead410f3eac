"""`driftloop check --probe` against real parts: those that are there, those that are not, those that refuse."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from schemas.settings import DEFAULT_PORTS, port_variable
from schemas.topics import TOPICS
from services.alerting.receiver import build_application
from services.clients.bus.connection import open_admin
from services.clients.bus.topics import topic_ids
from services.clients.store.database import open_store
from services.commands.line import app
from services.embedded.state import FolderLock
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.upstream import BASE, KEY, StubUpstream

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

LATER = "not running; `driftloop up` starts it"


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder and ports on which nothing runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRIFTLOOP_CONFIG", raising=False)
    monkeypatch.setenv("DRIFTLOOP_DATA", str(tmp_path / "data"))
    for name in DEFAULT_PORTS:
        monkeypatch.setenv(port_variable(name), str(free_port()))
    return tmp_path


def probe(configuration: str, *options: str) -> tuple[Result, dict[str, tuple[str, str]]]:
    """Return the command's result and, by what was probed, its mark and the rest of its line."""
    Path("driftloop.yaml").write_text(configuration)
    result = CliRunner().invoke(app, ["check", "--probe", "--deadline", "60s", *options])
    assert "s3cret" not in result.output
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()[1:]]
    found = {}
    for mark, rest in lines:
        what, _, said = rest.partition("  ")
        found[what] = (mark, said.strip())
    return result, found


def _app(*upstreams: str, more: str = "") -> str:
    return f"apps: [{{name: bot, base_model: {BASE}, upstreams: {json.dumps(upstreams)}}}]\n{more}"


@contextmanager
def _answering(status: int, body: bytes = b"{}") -> Iterator[str]:
    async def answer(_: Request) -> Response:
        return Response(body, status)

    with Served(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])) as server:
        yield server.url


def test_when_all_is_well_every_part_has_its_line_and_the_webhook_two_signed_test_alerts(
    broker: Broker | KafkaNode, warehouse_environment: dict[str, str], somewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**broker.environment, **warehouse_environment, "ALERT_SECRET": "s3cret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DRIFTLOOP_STORE_URL", f"sqlite:///{somewhere / 'control.db'}")
    open_store(f"sqlite:///{somewhere / 'control.db'}").dispose()
    with (
        Served(StubUpstream(loading="there").application) as upstream,
        Served(build_application(somewhere / "alerts.jsonl", "s3cret")) as receiver,
    ):
        hook = f"{{name: on-call, channel: webhook, url: '{receiver.url}/alerts', secret_env: ALERT_SECRET}}"
        result, found = probe(_app(upstream.url, more=f"subscriptions: [{hook}]"))
        alerts = httpx.get(f"{receiver.url}/alerts").json()
    assert result.exit_code == 0, result.output
    assert {what: mark for what, (mark, _) in found.items()} == dict.fromkeys(
        ("upstream of bot", "broker", "warehouse", "control store", "registry", "artifacts", "subscription on-call"),
        "ok",
    )
    assert found["upstream of bot"][1] == (f"{upstream.url}: serves my-base; adapters seem to be loadable at runtime")
    assert found["subscription on-call"][1] == f"{receiver.url}: took a test alert and its resolution"
    assert [(entry["verified"], entry["body"]["status"]) for entry in alerts] == [(True, "firing"), (True, "resolved")]
    assert {entry["body"]["commonLabels"]["test"] for entry in alerts} == {"true"}


def test_before_up_what_it_starts_is_later_nothing_is_made_and_nothing_is_wrong(somewhere: Path) -> None:
    result, found = probe("apps: [{name: bot, base_model: any}]\nsubscriptions: [{name: terminal, channel: console}]")
    assert result.exit_code == 0, result.output
    assert {what for what, (mark, _) in found.items() if mark == "later"} == {"upstream of bot", "broker", "warehouse"}
    assert all(found[what][1].endswith(LATER) for what in ("upstream of bot", "broker", "warehouse"))
    assert "TEST ALERT firing [warning] on bot" in found["subscription terminal"][1]
    assert [path.name for path in somewhere.iterdir()] == ["driftloop.yaml"]


def test_what_the_running_stack_should_have_started_is_wrong(somewhere: Path) -> None:
    lock = FolderLock(somewhere / "data")
    lock.take()
    result, found = probe("apps: [{name: bot, base_model: any}]")
    lock.release()
    assert result.exit_code == 1
    for what in ("upstream of bot", "broker", "warehouse"):
        assert found[what][0] == "wrong"
        assert found[what][1].endswith("see `driftloop status`")


def test_what_runs_elsewhere_and_is_silent_is_wrong_and_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("DRIFTLOOP_KAFKA", nobody)
    monkeypatch.setenv("DRIFTLOOP_WAREHOUSE_URL", f"http://me:s3cret@{nobody}")
    monkeypatch.setenv("DRIFTLOOP_STORE_URL", f"postgresql+psycopg://me:s3cret@{nobody}/driftloop")
    monkeypatch.setenv("DRIFTLOOP_MLFLOW_URI", f"http://me:s3cret@{nobody}/")
    monkeypatch.setenv("DRIFTLOOP_ARTIFACTS", "nonsense://me:s3cret@bucket")
    hook = f"subscriptions: [{{name: on-call, channel: webhook, url: 'http://me:s3cret@{nobody}/s3cret'}}]"
    result, found = probe(_app(f"http://me:s3cret@{nobody}", more=hook))
    assert result.exit_code == 1
    assert found == {
        "upstream of bot": ("wrong", f"http://{nobody}: connection refused; start it, or mend apps[0].upstreams[0]"),
        "broker": ("wrong", f"{nobody}: nobody answers; start it, or mend DRIFTLOOP_KAFKA"),
        "warehouse": ("wrong", f"http://{nobody}: nobody answers; start it, or mend DRIFTLOOP_WAREHOUSE_URL"),
        "control store": (
            "wrong",
            f"postgresql+psycopg://{nobody}/driftloop: connection refused; start it, or mend DRIFTLOOP_STORE_URL",
        ),
        "registry": ("wrong", f"http://{nobody}/: connection refused; start MLflow, or mend DRIFTLOOP_MLFLOW_URI"),
        "artifacts": ("wrong", "nonsense://bucket: an address of no known kind; mend DRIFTLOOP_ARTIFACTS"),
        "subscription on-call": (
            "wrong",
            f"http://{nobody}: connection refused; start it, or mend subscriptions[0].url",
        ),
    }


def test_a_warehouse_without_the_database_says_what_makes_it(
    warehouse_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in warehouse_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DRIFTLOOP_WAREHOUSE_DATABASE", "another")
    result, found = probe(_app())
    assert result.exit_code == 1
    assert found["warehouse"][1].endswith(
        "answers, but has no database another; `python -m services.commands.prepare` makes what is missing"
    )


def test_a_broker_that_lacks_topics_says_what_makes_them(
    empty: Broker | KafkaNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in empty.environment.items():
        monkeypatch.setenv(name, value)
    with closing(open_admin(empty.settings)) as admin:
        admin.delete_topics([TOPICS[0].name])
    deadline = time.monotonic() + 60
    while TOPICS[0].name in topic_ids(empty.settings):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    _, found = probe(_app())
    assert found["broker"][0] == "wrong"
    assert f"answers, but 1 of {2 * len(TOPICS)} topics are missing, {TOPICS[0].name} first" in found["broker"][1]


UPSTREAMS = [
    (StubUpstream(["other"]), "wrong", "serves other, not my-base; mend base_model of bot"),
    (StubUpstream([], ["my-base"]), "ok", "serves my-base; adapters can't be loaded at runtime"),
    (StubUpstream(listing=503), "wrong", "answers 503; its own log says why"),
    (
        StubUpstream(loading="key"),
        "ok",
        "answers; it lists its models to those with a key only (401), so whether it serves my-base is unknown",
    ),
    (
        StubUpstream(listing=404),
        "ok",
        "answers; it lists its models to nobody (404), so whether it serves my-base is unknown",
    ),
]


@pytest.mark.parametrize(("stub", "mark", "said"), UPSTREAMS)
def test_an_upstream_is_judged_by_what_it_serves(stub: StubUpstream, mark: str, said: str) -> None:
    with Served(stub.application) as server:
        _, found = probe(_app(server.url))
    assert found["upstream of bot"] == (mark, f"{server.url}: {said}")


CONSTRAINTS = [
    ("auto", "ok", "serves my-base; constrain: vllm would hold its answers to the labels of bot"),
    ("vllm", "ok", "serves my-base"),
    ("none", "ok", "serves my-base"),
    ("llama.cpp", "wrong", "it understands vllm, not llama.cpp; mend constrain of bot"),
]


@pytest.mark.parametrize(("constrain", "mark", "said"), CONSTRAINTS)
def test_an_upstream_is_judged_by_the_dialect_in_which_it_is_held_to_labels(
    constrain: str, mark: str, said: str
) -> None:
    with Served(StubUpstream(loading="anything", owner="vllm").application) as server:
        bot = f"name: bot, base_model: {BASE}, upstreams: ['{server.url}'], labels: [a, b], constrain: {constrain}"
        _, found = probe(f"apps: [{{{bot}}}]")
    assert found["upstream of bot"] == (mark, f"{server.url}: {said}")


def test_an_upstream_that_cannot_load_what_shall_be_retrained_is_wrong() -> None:
    with Served(StubUpstream().application) as server:
        _, found = probe(_app(server.url, more="rollout: [{app: bot}]"))
    assert found["upstream of bot"][0] == "wrong"
    assert "--enable-lora" in found["upstream of bot"][1]


def test_an_upstream_is_asked_with_the_app_s_own_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with Served(StubUpstream(loading="key").application) as server:
        app = f"name: bot, base_model: {BASE}, upstreams: ['{server.url}']"
        _, missing = probe(f"apps: [{{{app}, upstream_key_env: UPSTREAM_KEY}}]")
        monkeypatch.setenv("UPSTREAM_KEY", KEY)
        _, with_key = probe(f"apps: [{{{app}, upstream_key_env: UPSTREAM_KEY}}]")
        _, with_header = probe(f"apps: [{{{app}, upstream_headers: {{Authorization: Bearer {KEY}}}}}]")
    assert missing["upstream of bot"][0] == "wrong"
    assert "its key UPSTREAM_KEY is not set" in missing["upstream of bot"][1]
    assert (with_key["upstream of bot"][0], with_header["upstream of bot"][0]) == ("ok", "ok")
    assert with_key["upstream of bot"][1].endswith("serves my-base; adapters seem to be loadable at runtime")


def test_an_address_that_the_gateway_would_get_wrong_is_told() -> None:
    with Served(StubUpstream().application) as server:
        _, found = probe(_app(f"{server.url}/v1"))
    assert found["upstream of bot"][1].endswith("leave /v1 out, which the gateway adds; mend apps[0].upstreams[0]")


RECEIVERS = [
    (401, "{secret_env: ALERT_SECRET}", "answered 401; does it know the secret in ALERT_SECRET?"),
    (403, "{}", "answered 403; does it want a secret_env, or a key in its url?"),
    (404, "{}", "answered 404; start it, or mend subscriptions[0].url"),
    (500, "{}", "answered 500; the receiver's own log says why"),
    (
        200,
        "{secret_env: NOT_SET_HERE}",
        "the secret NOT_SET_HERE is not set; export it here and where `driftloop up` runs",
    ),
    (200, "{severities: []}", "its severities are empty, so it hears of nothing; mend subscriptions[0].severities"),
]


@pytest.mark.parametrize(("status", "more", "said"), RECEIVERS)
def test_a_receiver_that_refuses_is_told_with_what_to_do(
    status: int, more: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SECRET", "s3cret")
    with _answering(status) as url:
        hook = f"{{name: on-call, channel: webhook, url: '{url}/x', {more[1:]}"
        result, found = probe(_app(more=f"subscriptions: [{hook}]"))
    assert result.exit_code == 1
    assert found["subscription on-call"] == ("wrong", f"{url}: {said}")


REGISTRIES = [
    (200, "ok", "answers"),
    (401, "wrong", "does not let us in (401); set MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"),
    (404, "wrong", "answers 404 where MLflow would list experiments; mend DRIFTLOOP_MLFLOW_URI"),
]


@pytest.mark.parametrize(("status", "mark", "said"), REGISTRIES)
def test_a_registry_is_asked_as_training_would(
    status: int, mark: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _answering(status) as url:
        monkeypatch.setenv("DRIFTLOOP_MLFLOW_URI", url)
        _, found = probe(_app())
    assert found["registry"] == (mark, f"{url}: {said}")


def test_a_store_that_is_no_database_is_wrong(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (somewhere / "noise.db").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("DRIFTLOOP_STORE_URL", f"sqlite:///{somewhere / 'noise.db'}")
    monkeypatch.setenv("DRIFTLOOP_MLFLOW_URI", "nonsense")
    _, found = probe(_app())
    assert found["control store"][1].endswith("this file is no database; start it, or mend DRIFTLOOP_STORE_URL")
    assert found["registry"][1].endswith("not the address of a database; mend DRIFTLOOP_MLFLOW_URI")


def test_a_wrong_file_is_not_probed(somewhere: Path) -> None:
    (somewhere / "driftloop.yaml").write_text("apps: []")
    result = CliRunner().invoke(app, ["check", "--probe"])
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_deadline_that_is_none_is_one_line_and_status_2(somewhere: Path) -> None:
    (somewhere / "driftloop.yaml").write_text(_app())
    result = CliRunner().invoke(app, ["check", "--probe", "--deadline", "soon"])
    assert result.exit_code == 2
    assert result.stderr.startswith("driftloop: --deadline: not a duration: 'soon'")
