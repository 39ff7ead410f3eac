"""Prometheus metrics, each made from its entry in schemas.operational; no process makes one otherwise."""

from collections.abc import Iterable
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from schemas.operational import OPERATIONAL_METRIC_BY_NAME, Kind, OperationalMetric

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Label values and value of each series."""


def entry(name: str, kind: Kind) -> OperationalMetric:
    """Return a metric's entry.

    Raises:
        KeyError: The catalogue lacks the name.
        ValueError: It is of another kind.
    """
    found = OPERATIONAL_METRIC_BY_NAME[name]
    if found.kind != kind:
        raise ValueError(f"{name} is a {found.kind}, not a {kind}")
    return found


def counter(name: str, registry: CollectorRegistry = REGISTRY) -> Counter:
    """Return a registry's counter, the same at every call."""
    return _made_counter(entry(name, "counter"), registry)


def gauge(name: str, registry: CollectorRegistry = REGISTRY) -> Gauge:
    """Return a registry's gauge, the same at every call."""
    return _made_gauge(entry(name, "gauge"), registry)


def histogram(name: str, registry: CollectorRegistry = REGISTRY) -> Histogram:
    """Return a registry's histogram, the same at every call."""
    return _made_histogram(entry(name, "histogram"), registry)


@cache
def _made_counter(found: OperationalMetric, registry: CollectorRegistry) -> Counter:
    return Counter(found.name, found.meaning, found.labels, registry=registry)


@cache
def _made_gauge(found: OperationalMetric, registry: CollectorRegistry) -> Gauge:
    return Gauge(found.name, found.meaning, found.labels, registry=registry)


@cache
def _made_histogram(found: OperationalMetric, registry: CollectorRegistry) -> Histogram:
    return Histogram(found.name, found.meaning, found.labels, buckets=found.buckets, registry=registry)


def counted(name: str, samples: Samples) -> CounterMetricFamily:
    """Return a counter with values read at the moment of a scrape, for a Collector."""
    found = entry(name, "counter")
    family = CounterMetricFamily(found.name, found.meaning, labels=found.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def gauged(name: str, samples: Samples) -> GaugeMetricFamily:
    """Return a gauge with values read at the moment of a scrape, for a Collector."""
    found = entry(name, "gauge")
    family = GaugeMetricFamily(found.name, found.meaning, labels=found.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
