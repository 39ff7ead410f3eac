"""Credentials: the client's own pass on, or the app's replace them; no record, log or error shows one."""

import json
import logging
from pathlib import Path

import pytest

from schemas.configuration import App, Configuration
from schemas.configuration_parser import BadConfiguration, expand_variables, parse_configuration
from services.gateway.application import Gateway, Limits
from tests.services.gateway.behind import ASKED, Before, answer
from tests.services.gateway.canned import EVENTS
from tests.services.gateway.conftest import AWAY, settings_for

CLIENTS, OURS = "sk-client-0123456789", "sk-upstream-9876543210"
KEYED = {"app": {"upstream_key_env": "UPSTREAM_KEY"}, "environment": {"UPSTREAM_KEY": OURS}}


def test_the_clients_key_is_passed_on(before: Before) -> None:
    behind = before(answer())
    behind.post(ASKED, authorization=f"Bearer {CLIENTS}")
    assert behind.sent.headers["authorization"] == f"Bearer {CLIENTS}"


def test_a_key_from_the_environment_replaces_the_clients(before: Before) -> None:
    behind = before(answer(), **KEYED)
    behind.post(ASKED, authorization=f"Bearer {CLIENTS}", x_api_key=CLIENTS)
    assert behind.sent.headers["authorization"] == f"Bearer {OURS}"
    assert CLIENTS not in str(behind.sent)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/chat/completions", {"api_key": CLIENTS}),
        ("/openai/deployments/prompt-guard/chat/completions", {"authorization": "Bearer x"}),
    ],
)
def test_a_key_is_told_as_azure_wants_it(before: Before, path: str, headers: dict[str, str]) -> None:
    behind = before(answer(), **KEYED)
    behind.post(ASKED, path, **headers)
    assert behind.sent.headers["api-key"] == OURS
    assert "authorization" not in behind.sent.headers


def test_an_apps_headers_are_set_over_the_clients(before: Before) -> None:
    behind = before(answer(), app={"upstream_headers": {"X-Team": "guards", "OpenAI-Organization": "org-ours"}})
    behind.post(ASKED, openai_organization="org-theirs")
    assert (behind.sent.headers["x-team"], behind.sent.headers["openai-organization"]) == ("guards", "org-ours")


def test_the_headers_of_a_file_may_come_from_the_environment() -> None:
    text = "apps: [{name: a, base_model: b, upstream_key_env: KEY, upstream_headers: {X-Secret: '${SECRET}'}}]"
    app = parse_configuration(expand_variables(text, {"SECRET": "s3cret-value"})).apps[0]
    assert (app.upstream_headers, app.upstream_key_env) == ({"X-Secret": "s3cret-value"}, "KEY")
    assert "s3cret-value" not in repr(app)


@pytest.mark.parametrize("stream", [False, True])
def test_no_error_record_or_log_shows_a_credential(
    before: Before, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"error": {"message": f"Incorrect API key: {OURS}, not {CLIENTS}", "type": "auth"}}
    pieces = [b"data: " + json.dumps(said).encode() + b"\n\n"] if stream else [said]
    canned = {"headers": EVENTS} if stream else {"status": 401}
    behind = before(*pieces, **KEYED, **canned)
    with caplog.at_level(logging.DEBUG):
        response = behind.post(ASKED | {"stream": stream}, x_litellm_api_key=CLIENTS)
    assert OURS not in response.text
    assert "Incorrect API key: ***" in response.text
    told = str(behind.told()) + caplog.text
    assert OURS not in told
    assert CLIENTS not in told


@pytest.mark.parametrize("environment", [{}, {"UPSTREAM_KEY": " "}, {"UPSTREAM_KEY": "a\nb"}])
def test_a_key_that_is_not_there_is_one_clear_line_at_the_start(tmp_path: Path, environment: dict[str, str]) -> None:
    app = App(name="a", base_model="b", upstream_key_env="UPSTREAM_KEY")
    with pytest.raises(BadConfiguration, match="apps: a: ") as refused:
        Gateway(
            settings_for(tmp_path),
            Configuration(apps=(app,)),
            edges=AWAY,
            limits=Limits(),
            environment=environment,
        )
    assert "\n" not in str(refused.value)
