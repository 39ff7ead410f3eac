"""`scorers:` in the configuration: what it may say, and which metrics it makes."""

import pytest

from schemas.configuration_parser import BadConfiguration, parse_configuration
from schemas.metrics import METRIC_BY_NAME, SCORES, kind_of
from schemas.scoring import entries_of, score_metrics

APPS = "apps: [{name: guard, base_model: tiny}, {name: support, base_model: tiny}]\n"
TONE = "{name: tone, app: support, entry_point: 'mine.tone:make', measures: [{name: response.tone, flagged: rude}]}"
MODERATION = "{name: theirs, side: response, endpoint: {form: moderation, url: 'https://example.org/v1'}}"
JUDGE = "{form: judge, url: 'https://example.org/v1', model: m, rubric: 'How kind?'"


def monitor(metric: str, app: str = "support") -> str:
    return f"\nmonitors: [{{name: m, app: {app}, metric: {metric}, above: 0.1}}]"


@pytest.mark.parametrize("name", SCORES)
def test_every_score_has_a_mean_and_every_label_that_counts_a_share(name: str) -> None:
    assert f"{name}.mean" in METRIC_BY_NAME
    assert (f"{name}_ratio" in METRIC_BY_NAME) == bool(SCORES[name].flagged)


@pytest.mark.parametrize(
    "name", ["prompt.injection_ratio", "prompt.harm_ratio", "response.unsafe_ratio", "prompt.distance.mean"]
)
def test_names_that_monitors_have_used_stay_valid(name: str) -> None:
    assert parse_configuration(APPS + monitor(name)).monitors[0].metric == name
    assert kind_of(name) == "score"


@pytest.mark.parametrize("metric", ["response.tone.mean", "response.tone_ratio", "response.theirs_ratio"])
def test_a_users_own_scores_can_be_monitored(metric: str) -> None:
    configuration = parse_configuration(f"{APPS}scorers: [{TONE}, {MODERATION}]{monitor(metric)}")
    assert kind_of(metric) == "score"
    assert score_metrics(configuration.scorers)[metric].score == metric.removesuffix(".mean").removesuffix("_ratio")


@pytest.mark.parametrize(
    ("scorers", "metric", "app", "said"),
    [
        ("[]", "response.tone_ratio", "support", "monitors[0].metric: unknown 'response.tone_ratio'; did you mean"),
        (f"[{TONE}]", "response.tone_ratio", "guard", "monitors[0].metric: unknown 'response.tone_ratio'"),
        (f"[{TONE}]", "response.tune_ratio", "support", "did you mean 'response.tone_ratio'?"),
        ("[]", "prompt.pii_ratio", "guard", "unknown 'prompt.pii_ratio'; did you mean"),
    ],
)
def test_an_unknown_metric_is_named_in_one_line(scorers: str, metric: str, app: str, said: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        parse_configuration(f"{APPS}scorers: {scorers}{monitor(metric, app)}")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{name: injection-head, treshold: 1}", "scorers[0].treshold: unknown key; did you mean 'threshold'?"),
        (
            "{name: a, endpoint: {form: moderation, uri: x}}",
            "scorers[0].endpoint.uri: unknown key; did you mean 'url'?",
        ),
        ("{name: a, sample: 0}", "scorers[0].sample"),
        ("{name: a, sample: 1.5}", "scorers[0].sample"),
        ("{name: a, app: nobody}", "scorers[0].app: unknown 'nobody'"),
        ("{name: a, entry_point: 'os.system'}", "scorers[0].entry_point"),
        ("{name: a, entry_point: 'a:b'}", "scorers[0].measures: an entry_point, and nothing else, names the scores"),
        ("{name: a, measures: [{name: prompt.a}]}", "scorers[0].measures: an entry_point, and nothing else"),
        ("{name: a, entry_point: 'a:b', measures: [{name: tone}]}", "scorers[0].measures[0].name"),
        ("{name: a, entry_point: 'a:b', measures: [{name: prompt.harm}]}", "a name of the product's own scores"),
        ("{name: harm, endpoint: {form: moderation, url: x}}", "a name of the product's own scores"),
        ("{name: a, endpoint: {form: moderation}}", "scorers[0].endpoint.url: give exactly one of 'url' and 'url_env'"),
        ("{name: a, endpoint: {form: moderation, url: x, url_env: X}}", "give exactly one of 'url' and 'url_env'"),
        ("{name: a, endpoint: {form: moderation, url: x, rubric: y}}", "endpoint.rubric: only a judge has one"),
        ("{name: a, endpoint: {form: judge, url: x, model: m}}", "a judge needs exactly one of 'rubric'"),
        ("{name: a, endpoint: {form: judge, url: x, rubric: y}}", "endpoint.model: a judge needs one"),
        (f"{{name: a, endpoint: {JUDGE}, low: 1, high: 1}}}}", "endpoint.high: must be more than 'low'"),
        (f"{{name: a, entry_point: 'a:b', endpoint: {JUDGE}}}}}", "give one of endpoint, entry_point and guard"),
    ],
)
def test_an_entry_that_is_wrong_is_named_by_its_key(entry: str, said: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        parse_configuration(f"{APPS}scorers: [{entry}]")
    assert said in str(raised.value).replace("...", "0")
    assert "\n" not in str(raised.value)


def test_a_name_stands_once_an_app() -> None:
    with pytest.raises(BadConfiguration, match="scorers: the name 'harm-head' stands twice"):
        parse_configuration(f"{APPS}scorers: [{{name: harm-head}}, {{name: harm-head}}]")


def test_a_score_has_one_meaning_in_all_apps() -> None:
    other = TONE.replace("support", "guard").replace("rude", "blunt")
    with pytest.raises(BadConfiguration, match=r"response\.tone is declared twice, with different labels"):
        parse_configuration(f"{APPS}scorers: [{TONE}, {other}]")


def test_an_apps_own_entry_replaces_that_of_every_app() -> None:
    text = f"{APPS}scorers: [{{name: a, sample: 0.5}}, {{name: a, app: guard, sample: 0.1}}, {{name: b}}]"
    entries = parse_configuration(text).scorers
    assert [(entry.name, entry.sample) for entry in entries_of(entries, "guard")] == [("a", 0.1), ("b", 1.0)]
    assert [(entry.name, entry.sample) for entry in entries_of(entries, "support")] == [("a", 0.5), ("b", 1.0)]
