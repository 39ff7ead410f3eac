"""Operational metrics, under vLLM's names where it has one, so that its dashboards work here."""

from prometheus_client import CollectorRegistry

from services.parts.runtime.metrics import counter, gauge, histogram


class Measures:
    """What the server tells of itself. `model_name` is the adapter's name, or the base model's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._running = gauge("vllm:num_requests_running", registry)
        self._waiting = gauge("vllm:num_requests_waiting", registry)
        self._prompt = counter("vllm:prompt_tokens_total", registry)
        self._generated = counter("vllm:generation_tokens_total", registry)
        self._success = counter("vllm:request_success_total", registry)
        self._first = histogram("vllm:time_to_first_token_seconds", registry)
        self._whole = histogram("vllm:e2e_request_latency_seconds", registry)
        self._rows = histogram("driftloop_model_server_batch_rows", registry)
        self._pass = histogram("driftloop_model_server_pass_seconds", registry)
        self._text_rows = histogram("driftloop_model_server_text_rows", registry)
        self._step = histogram("driftloop_model_server_step_seconds", registry)
        self._refused = counter("driftloop_model_server_refused_total", registry)
        self._resident = gauge("driftloop_model_server_adapters", registry)

    def in_progress(self, *, running: int, waiting: int) -> None:
        """Tell how much there is to do."""
        self._running.set(running)
        self._waiting.set(waiting)

    def batch(self, rows: int, seconds: float) -> None:
        """Count a pass over a batch of choices."""
        self._rows.observe(rows)
        self._pass.observe(seconds)

    def step(self, rows: int, seconds: float) -> None:
        """Count a step that wrote one token of each of so many texts."""
        self._text_rows.observe(rows)
        self._step.observe(seconds)

    def read(self, model: str, tokens: int) -> None:
        """Count the tokens of a prompt."""
        self._prompt.labels(model).inc(tokens)

    def generated(self, model: str, tokens: int) -> None:
        """Count tokens as they are written."""
        self._generated.labels(model).inc(tokens)

    def completed(self, model: str, *, reason: str) -> None:
        """Count an answer."""
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
