"""driftloop.yaml: what is taken, and the one line that says what is wrong."""

from pathlib import Path

import pytest

from schemas.configuration_parser import BadConfiguration, parse_configuration
from schemas.training_policy import Training

APPS = "apps: [{name: guard, base_model: tiny}]\n"
MONITOR = "{name: m, app: guard, metric: feedback.accuracy, below: 0.8}"


def complaint(text: str) -> str:
    with pytest.raises(BadConfiguration) as caught:
        parse_configuration(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def monitor(**changes: str) -> str:
    fields = {"name": "m", "app": "guard", "metric": "feedback.accuracy", "below": "0.8", **changes}
    return APPS + "monitors: [{" + ", ".join(f"{key}: {value}" for key, value in fields.items() if value) + "}]"


def _judged(endpoint: str, more: str = "") -> str:
    return APPS + f"rollout: [{{app: guard, judge: {{endpoint: {{{endpoint}}}{more}}}}}]"


def test_a_monitor_reads_as_written() -> None:
    text = APPS + "monitors: [{name: m, app: guard, metric: feedback.accuracy, below: 0.8, for: 3, window: 30s}]"
    (read,) = parse_configuration(text).monitors
    assert (read.for_, read.window, read.below, read.above) == (3, "30s", 0.8, None)


def test_policies_an_app_does_not_state_are_the_defaults() -> None:
    read = parse_configuration(APPS)
    assert read.training_of("guard") == Training(app="guard")
    assert read.rollout_of("guard").steps == (0.05, 0.25, 0.5)
    assert read.app("other") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("monitor: []\n" + APPS, "monitor: unknown key; did you mean 'monitors'?"),
        (monitor(windw="1m"), "monitors[0].windw: unknown key; did you mean 'window'?"),
        (
            APPS + "training: [{app: guard, gate: {min_cont: 3}}]",
            "training[0].gate.min_cont: unknown key; did you mean 'min_count'?",
        ),
        (APPS + "windows: {lenght: 5s}", "windows.lenght: unknown key; did you mean 'length'?"),
        (
            monitor(metric="feedback.acuracy"),
            "monitors[0].metric: unknown 'feedback.acuracy'; did you mean 'feedback.accuracy'?",
        ),
        (monitor(app="gard"), "monitors[0].app: unknown 'gard'; did you mean 'guard'?"),
        (monitor(above="0.9"), "monitors[0]: give exactly one of 'below' and 'above'"),
        (
            APPS + "drift: {false_alarms: seldom}",
            "drift.false_alarms: not a rate of false alarms: 'seldom' (write 1 per 100000 or 1 per 30d)",
        ),
        (
            APPS + "drift: {false_alarms: 1 per 3 weeks}",
            "drift.false_alarms: not a rate of false alarms: '1 per 3 weeks' (write 1 per 100000 or 1 per 30d)",
        ),
        (
            APPS + "drift: {false_alarms: 1 per 50}",
            "drift.false_alarms: '1 per 50' is one in 50; give one in 100 to 1e+12 answers or seconds",
        ),
        (APPS + "drift: {error: 1.0}", "drift.error: Expected `float` < 1.0"),
        (
            monitor(metric="drift.feedback.page_hinkley"),
            "monitors[0].metric: drift.feedback.page_hinkley needs drift.detector: page-hinkley",
        ),
        (
            monitor(metric="drift.feedback.e_detector") + "\ndrift: {detector: page-hinkley}",
            "monitors[0].metric: drift.feedback.e_detector needs drift.detector: e-detector",
        ),
        (monitor(below=""), "monitors[0]: give exactly one of 'below' and 'above'"),
        (monitor(window="15s"), "monitors[0].window: 15s is not a multiple of windows.length"),
        (
            monitor(window="1 minute"),
            "monitors[0].window: not a duration: '1 minute' (write 500ms, 10s, 5m, 1h or 30d)",
        ),
        (APPS + f"monitors: [{MONITOR}, {MONITOR}]", "monitors: the name 'm' stands twice"),
        (APPS + "training: [{app: nobody}]", "training[0].app: unknown 'nobody'; did you mean 'guard'?"),
        (_judged("form: moderation, url: u"), "rollout[0].judge.endpoint.form: a pair is compared by a judge"),
        (_judged("form: judge, url: u, model: m"), "rollout[0].judge.endpoint.rubric: a judge needs exactly one"),
        (_judged("form: judge, model: m, rubric: r"), "rollout[0].judge.endpoint.url: give exactly one"),
        (_judged("form: judge, url: u, model: m, rubric_file: f"), "rollout[0].judge.endpoint.rubric_file: write"),
        (_judged("form: judge, url: u, model: m, rubric: r", ", needed: 9, most: 5"), "rollout[0].judge.needed: more"),
        (APPS + "rollout: [{app: guard, strategy: red}]", "rollout[0].strategy: Invalid enum value"),
        (APPS + "subscriptions: [{name: s, channel: webhook}]", "subscriptions[0].url: the channel webhook needs one"),
        ("apps: []", "apps: name at least one application"),
        ("apps: [\n", "line 2: not YAML"),
        (monitor(below="low"), "monitors[0].below"),
        ("", "file"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_path(text: str, said: str) -> None:
    assert complaint(text).startswith(said)


def test_the_shipped_configurations_can_be_read() -> None:
    for path in Path(__file__).parents[2].glob("*.yaml"):
        if path.name.startswith("driftloop"):
            assert parse_configuration(path.read_text()).apps
