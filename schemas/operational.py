"""The catalogue of operational metrics: what each process tells an operator of itself at GET /metrics.

Metrics are made from these entries by services.parts.runtime.metrics and nowhere else. What the system tells
of the applications it watches is schemas.metrics. docs/operations.md is written from this module.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class OperationalMetric:
    """One metric.

    Attributes:
        name: As Prometheus shows it; counters end in _total.
        unit: Base unit of the value.
        meaning: One clause; also the metric's help text.
        remedy: What to do when it looks bad.
        buckets: Upper bounds of a histogram.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    remedy: str
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name.endswith("_total") != (self.kind == "counter"):
            raise ValueError(f"{self.name}: a counter, and nothing else, ends in _total")
        if bool(self.buckets) != (self.kind == "histogram"):
            raise ValueError(f"{self.name}: a histogram, and nothing else, has buckets")


_CALL_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_OVERHEAD_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
_ROWS = (1, 2, 4, 8, 16, 32)
_NORMAL = "none; it is the traffic"
_MODEL = ("model_name",)
_ADD_REPLICAS = "add replicas of the model server, or a faster machine"

_Metric = OperationalMetric
OPERATIONAL_METRICS: tuple[OperationalMetric, ...] = (
    # Every process that reads the log
    _Metric(
        "driftloop_consumer_lag_records", "gauge", "messages", ("process",), "messages of held partitions not yet read",
        "if it grows, add workers (up to the topic's partitions); see which topic in `driftloop status`",
    ),
    _Metric(
        "driftloop_skipped_total", "counter", "messages", ("process", "topic"), "undecodable messages passed over",
        "read the reasons in `driftloop dead-letters list`, mend the sender, then `driftloop dead-letters replay`",
    ),
    _Metric("driftloop_handled_total", "counter", "records", ("process", "topic"), "records handled", _NORMAL),
    # Sink
    _Metric("driftloop_sink_rows_total", "counter", "rows", ("table",), "rows stored", _NORMAL),
    _Metric(
        "driftloop_dead_letters_total", "counter", "messages", ("topic",), "messages put aside as dead letters",
        "read the reasons in `driftloop dead-letters list`, mend the sender, then `driftloop dead-letters replay`",
    ),
    _Metric(
        "driftloop_sink_poisoned_partitions", "gauge", "partitions", (), "partitions stopped as nearly all is poison",
        "mend the sender or the schema; DRIFTLOOP_ACCEPT_POISON=<topic> has the sink go on and dead-letter it all",
    ),
    # Gateway and collector
    _Metric(
        "driftloop_spool_bytes", "gauge", "bytes", (), "bytes of the spool on disk",
        "see driftloop_spool_waiting; DRIFTLOOP_SPOOL_BYTES sets the bound",
    ),
    _Metric(
        "driftloop_spool_waiting", "gauge", "events", (), "events that Kafka does not have yet",
        "if it grows, the broker is away or too slow: bring it back; nothing is lost before the spool is full",
    ),
    _Metric(
        "driftloop_spool_lost_total", "counter", "events", (), "events dropped for want of room",
        "these are gone: bring the broker back, and give the spool more room with DRIFTLOOP_SPOOL_BYTES",
    ),
    _Metric(
        "driftloop_gateway_requests_total", "counter", "calls", ("app", "variant", "status"),
        "calls answered, by what answered and HTTP status", "5xx are the upstream's: look at its log",
    ),
    _Metric(
        "driftloop_gateway_overhead_seconds", "histogram", "seconds", (),
        "time a call spent in the gateway and not in its upstream",
        "the gateway's processor is busy: run more of them behind a load balancer", _OVERHEAD_S,
    ),
    _Metric(
        "driftloop_gateway_in_flight", "gauge", "calls", (), "calls being answered",
        "if it only grows, the upstream does not answer: look at its log",
    ),
    _Metric(
        "driftloop_gateway_refused_total", "counter", "calls", (), "calls refused for what they said",
        "a client sends what the API has not: the answer's message tells it what",
    ),
    _Metric(
        "driftloop_gateway_fallbacks_total", "counter", "calls", ("app", "adapter_version"),
        "calls answered by stable because the replica lacked the chosen version",
        "a replica lost an adapter: the rollout process loads it again; see its log if this goes on",
    ),
    _Metric(
        "driftloop_gateway_mirrors_total", "counter", "copies", ("app", "outcome"), "copies for shadow versions",
        "many dropped: lower `mirror` in the rollout policy or add upstream replicas",
    ),
    _Metric(
        "driftloop_gateway_unread_total", "counter", "calls", ("app", "side"),
        "calls whose request or answer was passed on and only partly understood",
        "the record of these calls may lack roles, parts, tool calls or texts; the call itself lacked nothing",
    ),
    _Metric(
        "driftloop_gateway_unrecorded_total", "counter", "events", (), "events that could not be made or written",
        "read the reason in the gateway's log; mostly its disk is full. The calls were answered",
    ),
    _Metric(
        "driftloop_gateway_passed_total", "counter", "calls", ("app", "status"),
        "calls of other addresses under /v1/, passed through without a record", _NORMAL,
    ),
    _Metric("driftloop_gateway_feedback_total", "counter", "judgements", ("app",), "feedback taken", _NORMAL),
    _Metric(
        "driftloop_collector_events_total", "counter", "elements", ("source", "verdict"), "elements by verdict",
        "many rejected: each answer names index and reason, the sender has to mend them",
    ),
    # Gateway, collector and control, where keys are required
    _Metric(
        "driftloop_access_denied_total", "counter", "requests", ("reason",), "requests that were not let in",
        "invalid_api_key of a known client: its key was revoked or has expired, see `driftloop keys list`",
    ),
    _Metric(
        "driftloop_access_keys_age_seconds", "gauge", "seconds", (), "time since the keys were read from the store",
        "above 10 the control store is away: new and revoked keys take no effect until it is back",
    ),
    # Stream processors
    _Metric(
        "driftloop_drift_late_observations", "gauge", "observations", (), "observations that came after their window",
        "raise windows.lateness, or look for a sender with a slow clock",
    ),
    _Metric(
        "driftloop_scores_total", "counter", "scores", ("scorer", "outcome"), "scores given, and calls not judged",
        "many unjudged: the rows in the table `scores` say why; a version without its reference.json has no distance",
    ),
    _Metric(
        "driftloop_scorer_failures_total", "counter", "batches", ("scorer",), "batches in which a scorer failed",
        "read the log for the error's type; if the scorer is your own, mend it, or take it out of `scorers:`",
    ),
    _Metric(
        "driftloop_scorers_unavailable", "gauge", "scorers", ("process",), "configured scorers that do not run",
        "read the log line that begins with `scorer left out`, or `driftloop scorers list`",
    ),
    _Metric(
        "driftloop_guard_calls_total", "counter", "calls", ("app", "outcome"), "calls judged by a guard, or not drawn",
        _NORMAL,
    ),
    _Metric(
        "driftloop_guard_chance", "gauge", "probability", ("app", "scorer", "stratum"), "chance of a call to be judged",
        "if the suspicious ones' is far below 1, give the guard more time, a faster machine or a smaller model",
    ),
    # Model server, under vLLM's names where it has one
    _Metric("vllm:num_requests_running", "gauge", "texts", (), "texts being written", _NORMAL),
    _Metric("vllm:num_requests_waiting", "gauge", "jobs", (), "jobs in the queue", _ADD_REPLICAS),
    _Metric("vllm:prompt_tokens_total", "counter", "tokens", _MODEL, "tokens read", _NORMAL),
    _Metric("vllm:generation_tokens_total", "counter", "tokens", _MODEL, "tokens written", _NORMAL),
    _Metric(
        "vllm:request_success_total", "counter", "calls", (*_MODEL, "finished_reason"), "completions", _NORMAL
    ),
    _Metric(
        "vllm:time_to_first_token_seconds", "histogram", "seconds", _MODEL, "arrival to first text",
        _ADD_REPLICAS, _CALL_S,
    ),
    _Metric(
        "vllm:e2e_request_latency_seconds", "histogram", "seconds", _MODEL, "arrival to last text",
        _ADD_REPLICAS, _CALL_S,
    ),
    _Metric(
        "driftloop_model_server_batch_rows", "histogram", "rows", (), "rows of one pass of the model",
        "always 1 under load: clients send one call after another", _ROWS,
    ),
    _Metric(
        "driftloop_model_server_pass_seconds", "histogram", "seconds", (), "one pass of a batch", _ADD_REPLICAS, _CALL_S
    ),
    _Metric(
        "driftloop_model_server_text_rows", "histogram", "rows", (), "texts of which one step writes a token",
        "always 1 under load: callers wait for one answer before they ask for the next", _ROWS,
    ),
    _Metric(
        "driftloop_model_server_step_seconds", "histogram", "seconds", (), "one step of the texts being written",
        _ADD_REPLICAS, _CALL_S,
    ),
    _Metric(
        "driftloop_model_server_refused_total", "counter", "calls", ("status",), "calls turned away",
        "503 means its queue is full: add replicas",
    ),
    _Metric(
        "driftloop_model_server_adapters", "gauge", "adapters", (), "adapters held",
        "0 after a promotion: the rollout process could not load it; see its log",
    ),
    # Training, rollout, alerting, control
    _Metric(
        "driftloop_training_orders_total", "counter", "orders", ("kind", "outcome"),
        "orders read, by what became of them",
        "declined ones name their reason in training.changed.v1 and on the dashboard",
    ),
    _Metric(
        "driftloop_training_worker_crashes_total", "counter", "crashes", (),
        "workers that died before their job was closed",
        "look at training's log; mostly memory: lower batch_size or max_tokens",
    ),
    _Metric("driftloop_training_running", "gauge", "jobs", (), "1 while a job is being done", _NORMAL),
    _Metric("driftloop_rollout_sequence", "gauge", "changes", ("app",), "number of the app's last change", _NORMAL),
    _Metric(
        "driftloop_rollout_active", "gauge", "rollouts", ("app", "state"), "1 while a rollout is in a state",
        "long in one state: too little judged traffic; give_up_after ends it",
    ),
    _Metric(
        "driftloop_rollout_pairs_total", "counter", "pairs", ("app", "outcome"),
        "answers of a shadow shown to its judge beside the users', by what it said",
        "unjudged: look at the judge's endpoint; dropped: it is slow, or lower `sample`",
    ),
    _Metric(
        "driftloop_alerting_deliveries_total", "counter", "deliveries", ("subscription", "outcome"),
        "attempts to tell a subscriber", "failed ones are tried again; look at the subscriber's address and log",
    ),
    _Metric("driftloop_control_orders_total", "counter", "orders", ("path",), "orders accepted", _NORMAL),
    # Embedded warehouse
    _Metric(
        "driftloop_warehouse_statements_total", "counter", "statements", ("kind", "outcome"), "statements run",
        "refused ones name the engine's error in the warehouse's log",
    ),
    _Metric("driftloop_warehouse_rows_total", "counter", "rows", ("kind",), "rows read or written", _NORMAL),
    _Metric(
        "driftloop_warehouse_statement_seconds", "histogram", "seconds", ("kind",), "duration of a statement",
        "past one machine: use a ClickHouse server (docs/scale.md)", _CALL_S,
    ),
)  # fmt: skip
OPERATIONAL_METRIC_BY_NAME = {metric.name: metric for metric in OPERATIONAL_METRICS}


def catalogue_markdown() -> str:
    """Return the catalogue as the table of docs/operations.md."""
    head = "| metric | kind | labels | meaning | when it looks bad |\n|---|---|---|---|---|\n"
    return head + "\n".join(_markdown(metric) for metric in OPERATIONAL_METRICS) + "\n"


def _markdown(metric: OperationalMetric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind}, {metric.unit} | {labels} | {metric.meaning} | {metric.remedy} |"


if __name__ == "__main__":
    print(catalogue_markdown(), end="")
