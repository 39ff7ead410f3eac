"""Operational metrics, under vLLM's names where it has one, so that its dashboards work here."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LABEL = ("model_name",)
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measures:
    """What the server tells of itself. `model_name` is the adapter's name, or the base model's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._running = Gauge("vllm:num_requests_running", "Texts being written", registry=registry)
        self._waiting = Gauge("vllm:num_requests_waiting", "Jobs in the queue", registry=registry)
        self._prompt = Counter("vllm:prompt_tokens", "Tokens read", _LABEL, registry=registry)
        self._generated = Counter("vllm:generation_tokens", "Tokens written", _LABEL, registry=registry)
        self._success = Counter("vllm:request_success", "Completions", (*_LABEL, "finished_reason"), registry=registry)
        self._first = Histogram(
            "vllm:time_to_first_token_seconds", "Arrival to first text", _LABEL, buckets=_SECONDS, registry=registry
        )
        self._whole = Histogram(
            "vllm:e2e_request_latency_seconds", "Arrival to last text", _LABEL, buckets=_SECONDS, registry=registry
        )
        self._rows = Histogram(
            "driftloop_model_server_batch_rows", "Rows of one pass", buckets=(1, 2, 4, 8, 16, 32), registry=registry
        )
        self._pass = Histogram(
            "driftloop_model_server_pass_seconds", "One pass of a batch", buckets=_SECONDS, registry=registry
        )
        self._refused = Counter("driftloop_model_server_refused", "Calls turned away", ("status",), registry=registry)
        self._resident = Gauge("driftloop_model_server_adapters", "Adapters held", registry=registry)

    def in_progress(self, *, running: int, waiting: int) -> None:
        """Tell how much there is to do."""
        self._running.set(running)
        self._waiting.set(waiting)

    def batch(self, rows: int, seconds: float) -> None:
        """Count a pass over a batch of choices."""
        self._rows.observe(rows)
        self._pass.observe(seconds)

    def completed(self, model: str, *, reason: str, prompt: int, generated: int) -> None:
        """Count an answer and its tokens."""
        self._prompt.labels(model).inc(prompt)
        self._generated.labels(model).inc(generated)
        self._success.labels(model, reason).inc()

    def first_text(self, model: str, seconds: float) -> None:
        """Observe the time to the first text."""
        self._first.labels(model).observe(seconds)

    def last_text(self, model: str, seconds: float) -> None:
        """Observe the time of a whole call."""
        self._whole.labels(model).observe(seconds)

    def refused(self, status: int) -> None:
        """Count a call that was turned away."""
        self._refused.labels(str(status)).inc()

    def resident(self, adapters: int) -> None:
        """Tell how many adapters are held."""
        self._resident.set(adapters)
