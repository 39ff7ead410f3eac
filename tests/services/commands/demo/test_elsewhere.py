"""The demonstration on somebody's own vLLM: what is asked of that before the start, and what is then configured."""

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.configuration import App
from schemas.configuration_parser import BadConfiguration
from schemas.settings import Settings
from services.commands.demo.command import run_demo
from services.commands.demo.configured import with_own_configuration
from services.commands.demo.elsewhere import UpstreamUnfit, answering, must_be_fit, served_elsewhere
from services.commands.demo.programme import PLAYS, play_named
from services.embedded.catalogue import programs_for
from services.parts.runtime.process import read_configuration
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.upstream import StubUpstream

GUARD, BASE = "prompt-guard", "SmolLM2-135M-Instruct"
URL = "http://127.0.0.1:8000"


def _settings(folder: Path, name: str = GUARD) -> Settings:
    plain = Settings.from_environment({"DRIFTLOOP_DATA": str(folder)})
    return replace(plain, configuration=play_named(name).configuration)


def _amiss(folder: Path, stub: StubUpstream) -> str:
    with Served(stub.application) as server, pytest.raises(UpstreamUnfit) as refused:
        must_be_fit(_settings(folder), GUARD, server.url)
    said = str(refused.value)
    assert said.startswith(f"--upstream {server.url}: ")
    assert "\n" not in said
    assert stub.loaded == []
    return said.removeprefix(f"--upstream {server.url}: ")


def test_a_vllm_that_serves_the_base_and_loads_adapters_is_fit_and_nothing_is_loaded(tmp_path: Path) -> None:
    stub = StubUpstream([BASE], ["another-app-v1"], loading="there", owner="vllm")
    with Served(stub.application) as server:
        assert must_be_fit(_settings(tmp_path), GUARD, f"{server.url}/v1/") == server.url
    assert (stub.loaded, stub.chats) == ([], [])


def test_another_base_model_is_told_with_what_to_start(tmp_path: Path) -> None:
    said = _amiss(tmp_path, StubUpstream(["some-other-base"], loading="there"))
    assert said.startswith(f"it serves some-other-base, not {BASE}; start vLLM with ")
    assert said.endswith(f"--served-model-name {BASE}")


def test_an_adapter_of_the_base_models_name_is_not_the_base(tmp_path: Path) -> None:
    assert "it serves other, not" in _amiss(tmp_path, StubUpstream(["other"], [BASE], loading="there"))


def test_a_server_that_cannot_load_adapters_is_told_which_switch_is_missing(tmp_path: Path) -> None:
    said = _amiss(tmp_path, StubUpstream([BASE], loading="absent"))
    assert said.startswith("it can't load adapters (POST /v1/load_lora_adapter is not there (404))")
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora" in said


def test_a_server_of_which_loading_is_unknown_is_not_played_on_for_ten_minutes(tmp_path: Path) -> None:
    assert _amiss(tmp_path, StubUpstream([BASE], loading="anything")).startswith("it can't load adapters")


def test_a_server_that_wants_a_key_and_one_without_a_list_are_told(tmp_path: Path) -> None:
    assert _amiss(tmp_path, StubUpstream([BASE], loading="key")).startswith("it wants a key")
    assert _amiss(tmp_path, StubUpstream([BASE], loading="there", listing=500)).startswith("it lists no models (500)")


def test_versions_of_an_earlier_play_would_answer_for_the_new_ones(tmp_path: Path) -> None:
    said = _amiss(tmp_path, StubUpstream([BASE], [f"{GUARD}-v1", f"{GUARD}-v2"], loading="there"))
    assert said.startswith(f"it holds {GUARD}-v1, {GUARD}-v2 of an earlier demonstration")


def test_where_nobody_answers_one_line_says_so_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRIFTLOOP_DATA", str(tmp_path))
    kept = tmp_path / "demo" / "logs" / "of-an-earlier-play"
    kept.parent.mkdir(parents=True)
    kept.touch()
    url = f"http://127.0.0.1:{free_port()}"
    assert run_demo(True, None, upstream=url) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"demo: --upstream {url}: connection refused; start vLLM with ")
    assert kept.exists()


@pytest.mark.parametrize("name", PLAYS)
def test_the_app_is_answered_there_and_by_no_server_of_our_own(tmp_path: Path, name: str) -> None:
    packaged = play_named(name).configuration.read_text()
    settings = with_own_configuration(_settings(tmp_path, name))
    served_elsewhere(settings, name, URL)
    configuration = read_configuration(settings)
    app = configuration.app(name)
    assert app is not None
    assert app.upstreams == (URL,)
    assert app.constrain == ("vllm" if app.labels else "auto")
    assert answering(app, settings) == URL
    assert "model_server" not in {program.name for program in programs_for(configuration)}
    assert play_named(name).configuration.read_text() == packaged


def test_without_an_upstream_the_own_model_server_answers_and_is_started(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    configuration = read_configuration(settings)
    app = configuration.app(GUARD)
    assert isinstance(app, App)
    assert answering(app, settings) == settings.url("model_server")
    assert "model_server" in {program.name for program in programs_for(configuration)}


def test_a_configuration_that_names_the_app_in_another_way_is_refused_in_one_line(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"apps: [{{name: {GUARD}, base_model: {BASE}, labels: [safe, unsafe]}}]\n")
    with pytest.raises(BadConfiguration, match=r"--upstream: own\.yaml has no line"):
        served_elsewhere(replace(_settings(tmp_path), configuration=own), GUARD, URL)
