"""The command against real upstreams."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from schemas.configuration import Configuration
from schemas.configuration_parser import parse_configuration
from services.commands.line import app
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.upstream import BASE, KEY, StubUpstream

ROOT = Path(__file__).parents[4]
PATIENCE_S = 60.0


def driftloop(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def init(*arguments: str) -> Result:
    return driftloop("init", "--app", "support-bot", *arguments)


def _written(file: str = "driftloop.yaml") -> Configuration:
    return parse_configuration(Path(file).read_text())


def test_the_one_model_of_an_upstream_is_taken(folder: Path) -> None:
    with Served(StubUpstream([BASE], ["my-base-v1"]).application) as server:
        result = init("--upstream", f"{server.url}/v1/")
    assert result.exit_code == 0, result.stderr
    (only,) = _written().apps
    assert (only.name, only.base_model, only.upstreams) == ("support-bot", BASE, (server.url,))
    assert result.stdout == (
        f"{server.url}: serves my-base; adapters can't be loaded at runtime: "
        "POST /v1/load_lora_adapter is not there (404)\n"
        "wrote driftloop.yaml. Next:\n  driftloop check --probe\n  driftloop up\n"
    )


def test_retraining_and_rollout_are_written_where_adapters_seem_to_load() -> None:
    with Served(StubUpstream(loading="there").application) as server:
        assert init("--upstream", server.url, "--label", "safe", "--label", "unsafe").exit_code == 0
    found = _written()
    assert (found.training[0].app, found.rollout[0].app) == ("support-bot", "support-bot")
    assert found.monitors[-1].then == ("alert", "retrain")


@pytest.mark.parametrize(("owners", "constrain"), [(("vllm", "vllm"), "vllm"), (("vllm", "me"), "auto")])
def test_labels_are_held_in_the_dialect_that_all_upstreams_understand(owners: tuple[str, str], constrain: str) -> None:
    with (
        Served(StubUpstream(owner=owners[0]).application) as one,
        Served(StubUpstream(owner=owners[1]).application) as other,
    ):
        assert init("--upstream", one.url, "--upstream", other.url, "--label", "a", "--label", "b").exit_code == 0
    assert _written().apps[0].constrain == constrain


def test_one_replica_that_cannot_load_leaves_them_out() -> None:
    with (
        Served(StubUpstream(loading="there").application) as able,
        Served(StubUpstream(loading="absent").application) as unable,
    ):
        assert init("--upstream", able.url, "--upstream", unable.url).exit_code == 0
    assert (_written().training, _written().rollout) == ((), ())


def test_of_several_models_none_is_guessed_and_the_line_names_them_and_the_flag(folder: Path) -> None:
    with Served(StubUpstream(["big", "small"]).application) as server:
        result = init("--upstream", server.url)
        chosen = init("--upstream", server.url, "--base-model", "small")
    assert (result.exit_code, result.stderr) == (2, "driftloop: --base-model is missing: which of big, small\n")
    assert (chosen.exit_code, chosen.stderr) == (0, "")
    assert _written().apps[0].base_model == "small"


def test_what_all_replicas_serve_is_the_one_model() -> None:
    with (
        Served(StubUpstream(["a", "b"]).application) as one,
        Served(StubUpstream(["b", "c"]).application) as other,
    ):
        assert init("--upstream", one.url, "--upstream", other.url).exit_code == 0
    assert _written().apps[0].base_model == "b"


def test_an_upstream_that_does_not_answer_is_named_in_a_line_and_the_file_is_written() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = init("--upstream", url, "--base-model", BASE)
    assert result.exit_code == 0
    assert result.stderr == f"{url}: could not be asked: connection refused; once it is up, `driftloop check --probe`\n"
    assert _written().apps[0].upstreams == (url,)
    assert "it is not known whether adapters can be loaded" in Path("driftloop.yaml").read_text()


def test_an_upstream_that_cannot_say_its_model_makes_the_flag_required(folder: Path) -> None:
    result = init("--upstream", f"http://127.0.0.1:{free_port()}")
    assert result.exit_code == 2
    assert "driftloop: --base-model is missing: what your model server calls the base" in result.stderr
    assert list(folder.iterdir()) == []


def test_an_upstream_that_wants_a_key_is_asked_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Served(StubUpstream(loading="key").application) as server:
        refused = init("--upstream", server.url)
        monkeypatch.setenv("UPSTREAM_KEY", KEY)
        taken = init("--upstream", server.url, "--upstream-key-env", "UPSTREAM_KEY")
    assert refused.exit_code == 2
    assert "to those with a key only (401; see --upstream-key-env)" in refused.stdout
    assert taken.exit_code == 0, taken.stderr
    assert _written().apps[0].upstream_key_env == "UPSTREAM_KEY"
    assert KEY not in Path("driftloop.yaml").read_text() + taken.output


def test_a_model_that_the_upstream_does_not_serve_is_warned_of() -> None:
    with Served(StubUpstream().application) as server:
        result = init("--upstream", server.url, "--base-model", "typo")
    assert (result.exit_code, result.stderr) == (
        0,
        f"{server.url}: does not serve 'typo', so it will refuse calls\n",
    )


WRONG = """
                                         | --app is missing: name of the app, which clients send as `model`
--app Bot                                | --app: 'Bot' is no name: lower-case letters, digits, '.', '_' and '-'
--app a                                  | --base-model is missing: a model for driftloop's own server
--app a --upstream http://[::1           | --upstream: 'http://[::1' is not an http:// or https:// address
--app a --upstream ${NOWHERE}            | --upstream: ${NOWHERE}: this environment variable is not set
--app a --base-model \a                  | --base-model: '\\x07' is empty or holds characters that can't be printed
--app a --base-model b --label \a        | --label: '\\x07' is empty or holds characters that can't be printed
--app a --base-model b --upstream-key-env KEY    | --upstream-key-env: driftloop's own model server wants no key
--app a --base-model b --max-error-ratio 5       | --max-error-ratio: '5' is not between 0 and 1
--app a --base-model b --min-accuracy nan        | --min-accuracy: 'nan' is no number
--app a --base-model b --max-latency-ms 0        | --max-latency-ms: '0' is not more than 0
--app a --base-model b --label x --label x       | --label: one answer leaves no choice
--app a --base-model b --channel pager           | --channel: 'pager' is neither 'webhook' nor 'console'
--app a --base-model b --channel webhook         | --url is missing: where the webhook posts alerts
--app a --base-model b --channel console --url x | --url: the console has none; say --channel webhook
--app a --base-model b --url ftp://h             | --url: 'ftp://h' is not an http:// or https:// address
--app a --base-model b --url http://h --secret-env MY-KEY | --secret-env: 'MY-KEY' is no name of an environment variable
"""


@pytest.mark.parametrize("case", WRONG.strip("\n").splitlines())
def test_a_missing_or_wrong_flag_is_one_line_that_names_it_and_nothing_is_written(case: str, folder: Path) -> None:
    arguments, line = (part.strip(" ") for part in case.split("|"))
    result = driftloop("init", *arguments.split())
    assert result.exit_code == 2
    assert result.stderr.startswith(f"driftloop: {line}")
    assert result.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_the_gateway_is_no_upstream_of_itself() -> None:
    result = init("--upstream", "127.0.0.1:18080/v1")
    assert result.exit_code == 2
    assert result.stderr.startswith("driftloop: --upstream: http://127.0.0.1:18080 is driftloop's own gateway")


def test_a_file_that_is_there_stays_unless_forced() -> None:
    Path("driftloop.yaml").write_text("mine")
    refused = init("--base-model", BASE)
    assert (refused.exit_code, refused.stderr) == (
        2,
        "driftloop: driftloop.yaml is there already; --force overwrites it, --output writes another\n",
    )
    assert Path("driftloop.yaml").read_text() == "mine"
    assert init("--base-model", BASE, "--force").exit_code == 0
    assert _written().apps[0].base_model == BASE


def test_another_file_is_named_in_the_next_commands(folder: Path) -> None:
    result = init("--base-model", BASE, "--output", "my files.yaml")
    assert result.stdout == (
        "wrote my files.yaml. Next:\n  driftloop check --probe 'my files.yaml'\n  "
        "DRIFTLOOP_CONFIG='my files.yaml' driftloop up\n"
    )
    assert [path.name for path in folder.iterdir()] == ["my files.yaml"]


def test_a_folder_that_is_missing_is_one_line() -> None:
    result = init("--base-model", BASE, "--output", "nowhere/x.yaml")
    assert (result.exit_code, result.stderr) == (2, "driftloop: nowhere/x.yaml: No such file or directory\n")


def test_a_webhook_may_take_its_address_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "https://alerts.example.org/x")
    assert init("--base-model", BASE, "--url", "${HOOK}", "--secret-env", "ALERT_SECRET").exit_code == 0
    assert 'url: "${HOOK}"' in Path("driftloop.yaml").read_text()
    assert driftloop("check").exit_code == 0


WORDS = st.text("aZ0 -:#'\"{}[],$!&*?|>%@`\\é\u2028\n", min_size=1, max_size=12)
FLAGS = st.fixed_dictionaries(
    {"--base-model": WORDS | st.just("${HOME}")},
    optional={
        "--max-error-ratio": st.floats(0, 1).map(str),
        "--max-latency-ms": st.floats(0.001, 1e9).map(str),
        "--min-accuracy": st.floats(0, 1).map(str),
        "--url": st.sampled_from(["http://h", "https://me:s3cret@h/x y", "http://h/#?&=: x", "${HOME}"]),
        "--secret-env": st.sampled_from(["", "null", "ALERT_SECRET", "1"]),
    },
)


@settings(max_examples=60)
@given(FLAGS, st.lists(WORDS, max_size=3))
def test_whatever_the_flags_say_a_file_that_is_written_passes_check(flags: dict[str, str], labels: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = f"{place}/driftloop.yaml"
        parts = [f"{flag}={value}" for flag, value in flags.items()] + [f"--label={label}" for label in labels]
        result = init("--output", file, *parts)
        assert result.exit_code in (0, 2), result.output
        assert Path(file).exists() == (result.exit_code == 0)
        if result.exit_code == 0:
            assert driftloop("check", file).exit_code == 0
        else:
            assert result.stderr.startswith("driftloop: --")
            assert result.stderr.count("\n") == 1
