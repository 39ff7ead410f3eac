"""driftloop.yaml as typed values. Reading the file is schemas.configuration_parser's part."""

from typing import Annotated, Literal

import msgspec

from schemas.privacy import Policy
from schemas.rollout_policy import RolloutPolicy
from schemas.scoring import ScorerEntry
from schemas.section import Key, Positive, Section, Usd
from schemas.tasks import Task
from schemas.training_policy import Training

Weight = Annotated[float, msgspec.Meta(ge=0, le=1)]
DEFAULT_TRUST = {"annotator": 1.0, "import": 1.0, "user": 0.5, "program": 0.25}


class Price(Section, frozen=True, kw_only=True):
    """USD for a million tokens; `image` and `call` for one.

    Attributes:
        cached_input: Input read from the provider's cache; as `input` unless set.
        cache_write: Input written to it; as `input` unless set.
        reasoning: Output that is not part of the answer; as `output` unless set.
        image: Each image in the prompt, beside its tokens.
        call: Each call that was answered.
    """

    input: Usd = 0.0
    output: Usd = 0.0
    cached_input: Usd | None = None
    cache_write: Usd | None = None
    reasoning: Usd | None = None
    image: Usd = 0.0
    call: Usd = 0.0


class AnswerForm(Section, frozen=True, kw_only=True):
    """What every answer of an app should look like; the score response.format tells whether it does.

    Attributes:
        schema: JSON Schema of the answer.
        pattern: RE2 expression that the whole answer matches.
    """

    schema: dict[str, object] = {}
    pattern: str = ""


class Privacy(Section, frozen=True, kw_only=True):
    """What becomes of personal data and secrets in an app's texts before they are kept; see docs/privacy.md.

    Attributes:
        policy: `off` keeps texts as they are, `mask` puts the kind in the place of a value, `hash` a pseudonym that is
            the tenant's, `drop-text` keeps counts and lengths alone.
        kinds: Names from schemas.privacy.KINDS; empty means all.
        names: Whether names in running text are masked on their way into the warehouse, by a language model.
    """

    policy: Policy = "mask"
    kinds: tuple[str, ...] = ()
    names: Literal["off", "mask"] = "off"


class App(Section, frozen=True, kw_only=True):
    """An application whose calls are served and watched.

    Attributes:
        name: What clients send as `model`.
        base_model: What the upstream calls the base.
        upstreams: Base URLs of its replicas; empty means the embedded model server.
        price: Of its calls, whichever model answers; over the prices by model.
        prices: By model name or pattern, over those of the whole file, which the parser adds.
        task: What it does; empty means `classify` where there are labels and `write` where there are none.
        labels: Answers that feedback may name as right; they make it a classifier.
        trust: How much a judgement weighs in training, by its source; over DEFAULT_TRUST.
        constrain: How the gateway asks for one of `labels` where the client asks for no form: `auto` asks driftloop's
            own model server alone, `vllm` and `llama.cpp` name what the upstreams understand.
        answers: Form of its answers, beside the one that a call asks for.
        identities: How `user`, `safety_identifier`, `prompt_cache_key` and `metadata` reach the upstream.
        privacy: What becomes of personal data in its texts.
        record: Whether its calls are recorded; if not, they are routed, answered and counted, and nothing else.
        upstream_key_env: Environment variable with the upstream's key, which then replaces the client's.
        upstream_headers: Set on every call to the upstream, over the client's.
        upstream_ca_file: PEM file of the CAs that its certificate is trusted by; empty means the public ones.
    """

    name: Key
    base_model: str
    upstreams: tuple[str, ...] = ()
    price: Price | None = None
    prices: dict[str, Price] = {}
    task: Task | None = None
    labels: tuple[str, ...] = ()
    trust: dict[str, Weight] = {}
    constrain: Literal["auto", "vllm", "llama.cpp", "none"] = "auto"
    answers: AnswerForm = AnswerForm()
    identities: Literal["pseudonym", "as-sent"] = "pseudonym"
    privacy: Privacy = Privacy()
    record: bool = True
    upstream_key_env: str = ""
    upstream_headers: dict[str, str] = {}
    upstream_ca_file: str = ""

    @property
    def does(self) -> Task:
        """What it does, said or inferred."""
        return self.task or ("classify" if self.labels else "write")

    def trusts(self, source: str) -> float:
        """Return how much a source's judgement weighs, 0 to 1."""
        return self.trust.get(source, DEFAULT_TRUST.get(source, DEFAULT_TRUST["user"]))

    def __repr__(self) -> str:
        # Headers may hold credentials, and what is printed ends in logs.
        return f"App({self.name!r}, base_model={self.base_model!r}, upstreams={self.upstreams!r})"


class Windows(Section, frozen=True, kw_only=True):
    """Tumbling windows of the functional metrics."""

    length: str = "10s"
    lateness: str = "2s"
    join_horizon: str = "1h"


class Monitor(Section, frozen=True, kw_only=True):
    """Reads like the sentence it is; see docs/monitors.md.

    Attributes:
        metric: A name from schemas.metrics.
        per: Dimensions to watch apart; the app is always one.
        window: Length of the evaluated window, a multiple of windows.length.
        for_: Consecutive windows in breach before it fires (`for` in the file).
        min_count: Windows with fewer observations don't count either way.
        sure: Of a share of scores: windows whose 95 % interval holds the limit don't count either way.
        variant: Which variant it watches.
        then: What a breach does.
    """

    name: Key
    app: Key
    metric: str
    per: tuple[Literal["adapter_version", "tenant"], ...] = ("adapter_version",)
    window: str = "1m"
    below: float | None = None
    above: float | None = None
    for_: Positive = msgspec.field(name="for", default=1)
    min_count: Positive = 1
    sure: bool = False
    severity: Literal["info", "warning", "critical"] = "warning"
    variant: Literal["stable", "canary", "shadow"] = "stable"
    then: tuple[Literal["alert", "retrain"], ...] = ("alert",)


class Drift(Section, frozen=True, kw_only=True):
    """Detectors of one app.

    Attributes:
        window: Span of one PSI comparison.
        min_count: Fewer scores than this give no comparison.
        psi: Threshold; None for what windows of this size drawn from the reference itself reach as rarely as
            `false_alarms` wishes.
        adwin_delta: Confidence of ADWIN (Bifet and Gavalda 2007).
        page_hinkley: Threshold lambda (Page 1954).
        detector: Of the error of judged answers.
        false_alarms: Of the e-detector and of PSI's own threshold, by series: "1 per 100000" observations, "1 per 30d".
        direction: Whether the e-detector also tells of an error that falls.
        error: Its baseline where that is known; None to learn it from the first `warm_up` judged answers of a series.
        confidence: That the baseline learnt is on the safe side of the true error.
    """

    window: str = "30s"
    min_count: Positive = 100
    psi: Annotated[float, msgspec.Meta(gt=0)] | None = None
    adwin_delta: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.002
    page_hinkley: Annotated[float, msgspec.Meta(gt=0)] = 50.0
    detector: Literal["e-detector", "page-hinkley"] = "e-detector"
    false_alarms: str = "1 per 100000"
    direction: Literal["up", "both"] = "up"
    error: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    warm_up: Annotated[int, msgspec.Meta(ge=30, le=1_000_000)] = 500
    confidence: Annotated[float, msgspec.Meta(ge=0.5, lt=1)] = 0.95


Channel = Literal["webhook", "console", "alertmanager", "pagerduty", "apprise"]
# What a channel can't do without.
CHANNEL_NEEDS: dict[Channel, tuple[str, ...]] = {
    "webhook": ("url",),
    "console": (),
    "alertmanager": ("url",),
    "pagerduty": ("secret_env",),
    "apprise": ("secret_env",),
}


class Subscription(Section, frozen=True, kw_only=True):
    """Who hears of which alerts.

    Attributes:
        channel: webhook posts signed JSON, console prints a line, alertmanager and pagerduty speak to those,
            apprise to what its addresses name (Slack, Teams, e-mail and a hundred others).
        url: Where a webhook posts, or where Alertmanager is; PagerDuty's own where it is left out.
        secret_env: Environment variable with a webhook's signing secret, Alertmanager's bearer token, PagerDuty's
            routing key, or Apprise's addresses, which hold keys.
        repeat_after: A firing alert is told again after this long; empty means once. Alertmanager is told again
            every two minutes in any case, as it takes an alert that it does not hear of for resolved.
    """

    name: Key
    channel: Channel
    url: str = ""
    secret_env: str = ""
    apps: tuple[Key, ...] = ()
    severities: tuple[Literal["info", "warning", "critical"], ...] = ("warning", "critical")
    repeat_after: str = ""


class Configuration(Section, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        prices: By model name or pattern; in the file also the path of a file that has them.
        scorers: What changes the default scorers or adds to them.
    """

    apps: tuple[App, ...]
    prices: dict[str, Price] = {}
    windows: Windows = Windows()
    monitors: tuple[Monitor, ...] = ()
    scorers: tuple[ScorerEntry, ...] = ()
    drift: Drift = Drift()
    training: tuple[Training, ...] = ()
    rollout: tuple[RolloutPolicy, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    retention_days: Positive = 30

    def app(self, name: str) -> App | None:
        """Return an app by name."""
        return next((app for app in self.apps if app.name == name), None)

    def training_of(self, app: str) -> Training:
        """Return an app's training policy, the defaults if the file has none."""
        return next((policy for policy in self.training if policy.app == app), Training(app=app))

    def rollout_of(self, app: str) -> RolloutPolicy:
        """Return an app's rollout policy, the defaults if the file has none."""
        return next((policy for policy in self.rollout if policy.app == app), RolloutPolicy(app=app))
