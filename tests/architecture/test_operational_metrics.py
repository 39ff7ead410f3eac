"""Every operational metric comes from the catalogue, and every entry of the catalogue is used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from schemas.operational import (
    OPERATIONAL_METRIC_BY_NAME,
    OPERATIONAL_METRICS,
    OperationalMetric,
    catalogue_markdown,
)
from services.parts.runtime import metrics

ROOT = Path(__file__).parents[2]
FACTORY = ROOT / "services" / "parts" / "runtime" / "metrics.py"
PACKAGES = ("schemas", "services", "stream_processors", "training", "dashboards")
MADE_BY = {
    "counter": "counter",
    "counted": "counter",
    "gauge": "gauge",
    "gauged": "gauge",
    "histogram": "histogram",
}
CLASSES = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path != FACTORY:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def strangers_in(tree: ast.AST) -> list[str]:
    """Return what makes or could make a metric without the factory."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prometheus_client"):
            found += [a.name for a in node.names if a.name in CLASSES or a.name.endswith("MetricFamily")]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLASSES:
            owner = node.func.value
            found += [node.func.attr] if isinstance(owner, ast.Name) and owner.id == "prometheus_client" else []
    return found


def made_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the kind and name of each metric that a module makes."""
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "services.parts.runtime.metrics"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in imported & set(MADE_BY):
            name = node.args[0]
            yield MADE_BY[node.func.id], str(name.value) if isinstance(name, ast.Constant) else "(computed)"


def test_no_metric_is_made_outside_the_factory() -> None:
    assert {path: found for path, tree in trees() if (found := strangers_in(tree))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from prometheus_client import Counter",
        "from prometheus_client.core import GaugeMetricFamily",
        "prometheus_client.Histogram('driftloop_x', '')",
    ],
)
def test_the_scan_sees_a_metric_made_elsewhere(line: str) -> None:
    assert strangers_in(ast.parse(line))


def test_the_metrics_in_the_code_are_those_of_the_catalogue() -> None:
    made = {name: kind for _, tree in trees() for kind, name in made_in(tree)}
    assert made == {metric.name: metric.kind for metric in OPERATIONAL_METRICS}


def test_a_name_is_in_the_catalogue_once() -> None:
    assert len(OPERATIONAL_METRIC_BY_NAME) == len(OPERATIONAL_METRICS)


def test_a_metric_is_shown_under_its_name_in_the_catalogue() -> None:
    registry = CollectorRegistry()
    metrics.counter("driftloop_skipped_total", registry).labels("drift", "t").inc()
    metrics.gauge("driftloop_spool_waiting", registry).set(3)
    metrics.histogram("driftloop_gateway_overhead_seconds", registry).observe(0.2)
    text = generate_latest(registry).decode()
    assert 'driftloop_skipped_total{process="drift",topic="t"} 1.0' in text
    assert "driftloop_spool_waiting 3.0" in text
    assert 'driftloop_gateway_overhead_seconds_bucket{le="0.5"} 1.0' in text


def test_a_metric_asked_for_twice_is_one_metric() -> None:
    registry = CollectorRegistry()
    assert metrics.counter("driftloop_skipped_total", registry) is metrics.counter("driftloop_skipped_total", registry)


def test_a_metric_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="driftloop_spool_waiting is a gauge, not a counter"):
        metrics.counter("driftloop_spool_waiting")


def test_only_a_counter_ends_in_total() -> None:
    with pytest.raises(ValueError, match="ends in _total"):
        OperationalMetric("driftloop_things", "counter", "things", (), "things", "none")
    with pytest.raises(ValueError, match="has buckets"):
        OperationalMetric("driftloop_things", "histogram", "seconds", (), "things", "none")


def test_the_table_in_the_documentation_is_the_catalogue() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert catalogue_markdown() in page, "paste the output of `python -m schemas.operational` into docs/operations.md"
