"""`driftloop keys`, as a person and a script use it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.access import AccessKey, KeyLimits, Spent
from schemas.settings import Settings
from services.clients.store.keys import KeyStore
from services.commands.keys.making import BadWish, Wish, key_of
from services.commands.line import app
from tests.fixtures.keys import id_of
from tests.fixtures.waiting import PATIENCE_S

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def keys(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRIFTLOOP_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DRIFTLOOP_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_secret_alone_is_on_standard_output_for_a_variable_to_take(folder: Path) -> None:
    script = f"KEY=$('{sys.executable}' -m services.commands.line keys create --app guard); echo \"[$KEY]\""
    root = Path(__file__).parents[4]
    ended = subprocess.run(
        ["sh", "-c", script],
        env={**os.environ, "DRIFTLOOP_CONFIG": str(folder / "none.yaml")},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    secret = ended.stdout.strip("[]\n")
    assert len(secret) == 56
    assert secret.startswith("dl_")
    assert f"key {id_of(secret)} for guard: feedback, infer, until it is revoked" in ended.stderr
    assert secret not in ended.stderr


def test_a_key_is_listed_with_all_but_its_secret() -> None:
    limits = ["--requests-per-minute", "600", "--tokens-per-month", "1000000", "--usd-per-month", "50"]
    made = keys(
        "create", "--app", "guard", "--tenant", "acme", "--scope", "infer,feedback", "--name", "a client", *limits
    )
    secret = made.stdout.strip()
    use_up(secret)
    listed, as_json = keys("list"), keys("list", "--json")
    (entry,) = json.loads(as_json.stdout)
    assert entry["id"] == id_of(secret)
    assert (entry["app"], entry["tenant"], entry["scopes"]) == ("guard", "acme", ["feedback", "infer"])
    assert entry["limits"] == {"requests_per_minute": 600, "tokens_per_month": 1000000, "usd_per_month": 50.0}
    assert entry["used_this_month"] == {"requests": 3, "tokens": 70, "usd": 0.5}
    assert (entry["state"], entry["name"]) == ("active", "a client")
    head, row = listed.stdout.splitlines()
    assert head.split()[:6] == ["ID", "NAME", "APP", "TENANT", "SCOPES", "STATE"]
    for cell in (
        id_of(secret),
        "a client",
        "acme",
        "feedback,infer",
        "active",
        "600",
        "70 of 1000000",
        "0.5000 of 50.00",
    ):
        assert cell in row
    assert secret[13:] not in listed.output + as_json.output + made.stderr


def use_up(secret: str) -> None:
    store = KeyStore.at(Settings.from_environment().store_url)
    store.exchange({(id_of(secret), f"{datetime.now(UTC):%Y-%m}"): Spent(3, 70, 0.5)}, "")
    store.close()


def test_a_key_is_revoked_by_its_id_once_and_for_good() -> None:
    secret = keys("create", "--scope", "read").stdout.strip()
    first, again = keys("revoke", id_of(secret)), keys("revoke", id_of(secret))
    assert (first.exit_code, again.exit_code, first.stdout) == (0, 0, again.stdout)
    assert json.loads(keys("list", "--json").stdout)[0]["state"] == "revoked"


def test_nobodys_key_can_not_be_revoked() -> None:
    result = keys("revoke", "nobody")
    assert (result.exit_code, result.stderr) == (
        1,
        "driftloop: no key has the id 'nobody'; see `driftloop keys list`\n",
    )


def test_no_keys_are_said_to_be_none() -> None:
    assert keys("list").stdout == "no keys; driftloop keys create makes one\n"


def test_an_app_that_the_configuration_lacks_is_named_with_the_nearest(folder: Path) -> None:
    (folder / "driftloop.yaml").write_text("apps: [{name: guard, base_model: tiny}]\n")
    result = keys("create", "--app", "gard")
    assert result.exit_code == 1
    assert result.stderr == "driftloop: --app: no app of driftloop.yaml is called 'gard'; did you mean 'guard'?\n"
    assert keys("create", "--app", "guard").exit_code == 0


def test_a_store_that_can_not_be_used_is_one_line_and_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLOOP_STORE_URL", "postgresql+psycopg://me:password@127.0.0.1:1/x")
    result = keys("list")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "postgresql+psycopg://127.0.0.1:1/x can't be used" in result.stderr
    assert "password" not in result.stderr


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(), "--app is missing: scope feedback is for one app, or for all with --all-apps"),
        (Wish(app="a", all_apps=True), "--app and --all-apps: give one of them"),
        (Wish(app="a", scopes=("infer,fly",)), "--scope: 'fly' is none of infer, ingest, feedback, operate, read"),
        (Wish(app="a", scopes=(",",)), "--scope: name at least one of infer, ingest, feedback, operate, read"),
        (Wish(app="a", expires="soon"), "--expires: 'soon' is neither a duration (90d, 12h) nor an ISO date or time"),
        (Wish(app="a", expires="2025-12-31"), "--expires: '2025-12-31' is not in the future"),
        (Wish(app="a", expires="99999999999d"), "--expires: '99999999999d' is neither a duration"),
        (Wish(app="a", requests_per_minute="0"), "--requests-per-minute: not a whole number from 1 to 1000000: '0'"),
        (Wish(app="a", tokens_per_month="1e6"), "--tokens-per-month: not a whole number from 1 to"),
        (Wish(app="a", usd_per_month="nan"), "--usd-per-month: not an amount above 0: 'nan'"),
        (Wish(app="a", tenant="a\nb"), "--tenant: not a printable text of at most 256 characters"),
    ],
)
def test_a_wrong_option_is_named(wish: Wish, said: str) -> None:
    with pytest.raises(BadWish) as refused:
        key_of(wish, "k1", NOW)
    assert str(refused.value).startswith(said)


def test_a_wrong_option_is_one_line_and_status_2() -> None:
    result = keys("create", "--app", "guard", "--scope", "fly")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90d", NOW + timedelta(days=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01T12:00:00+02:00", datetime(2026, 2, 1, 10, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_duration_or_an_iso_time(text: str, at: datetime) -> None:
    assert key_of(Wish(app="a", expires=text), "k1", NOW).expires_at == at


def test_scopes_are_repeated_or_separated_by_commas() -> None:
    key = key_of(Wish(scopes=("ingest, read", "operate")), "k1", NOW)
    expected = AccessKey("k1", "", "", "", frozenset({"ingest", "read", "operate"}), NOW, KeyLimits())
    assert key == expected
