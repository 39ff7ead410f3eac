"""Topics, tables, metrics, durations and settings agree with each other and with their naming rules."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from kafka.partitioner.default import murmur2

from schemas.codec import decode
from schemas.durations import parse_duration
from schemas.golden import golden
from schemas.metrics import METRIC_BY_NAME, METRICS, SCORES, drift_metric
from schemas.record import Series
from schemas.settings import DEFAULT_PORTS, BadSetting, Settings, port_variable
from schemas.tables import TABLE_BY_NAME, TABLE_BY_TOPIC
from schemas.topics import INBOUND, STORED_TOPICS, TOPIC_BY_RECORD, TOPICS, Topic, key_of

LOGGED_AT = datetime(2026, 1, 31, 13, tzinfo=UTC)
each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


@each_topic
def test_a_topic_is_named_domain_fact_and_major_version(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z-]+\.v[1-9]", topic.name)
    assert topic.dead_letter == f"{topic.name}.dead-letter"


@pytest.mark.parametrize("topic", STORED_TOPICS, ids=lambda topic: topic.name)
def test_a_table_is_a_plural_in_snake_case(topic: Topic) -> None:
    assert re.fullmatch(r"feedback|[a-z]+(_[a-z]+)*s", TABLE_BY_TOPIC[topic.name].name)


def test_no_two_topics_share_a_record_or_a_table() -> None:
    assert len(TOPIC_BY_RECORD) == len(TOPICS)
    assert len(TABLE_BY_NAME) == len(STORED_TOPICS)


def test_only_a_processors_own_memory_is_not_stored() -> None:
    assert {topic.name for topic in TOPICS if not topic.stored} == {"drift.detectors-saved.v1"}


def test_the_inbound_topics_share_key_and_number_of_partitions() -> None:
    assert {(topic.key, topic.partitions) for topic in INBOUND} == {("request_id", INBOUND[0].partitions)}


def test_what_belongs_to_one_request_has_one_key() -> None:
    keys = {key_of(decode(topic.name, golden(topic), LOGGED_AT)) for topic in INBOUND}
    assert keys == {b"chatcmpl-7f3a9c2e51"}


@pytest.mark.parametrize(
    ("key", "hash_"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-longer-string", -1486304829)]
)
def test_murmur2_is_that_of_the_java_client(key: bytes, hash_: int) -> None:
    signed = murmur2(key) - 2**32 if murmur2(key) >= 2**31 else murmur2(key)
    assert signed == hash_


def test_the_key_of_a_series_tells_its_dimensions_apart() -> None:
    assert Series("a", "v1", "stable").key == b"a|v1|stable|"
    assert Series("a", "v1", "canary").key != Series("a", "v1", "stable").key


def test_metrics_are_named_once_and_drift_metrics_name_a_score() -> None:
    assert len(METRIC_BY_NAME) == len(METRICS)
    watched = {drift_metric(score, "PopulationStability") for score in SCORES}
    named = {m.name for m in METRICS if m.name.endswith(".psi")}
    assert named <= watched


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("10s", 10), ("1.5m", 90), ("2h", 7200), ("30d", 2_592_000), (" 1s ", 1)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "0s", "1w", "1 s", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_every_process_has_a_port_of_its_own_and_a_variable_that_moves_it() -> None:
    assert len(set(DEFAULT_PORTS.values())) == len(DEFAULT_PORTS)
    moved = Settings.from_environment({port_variable("gateway"): "4321"})
    assert moved.url("gateway") == "http://127.0.0.1:4321"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DRIFTLOOP_SINK_PORT", "http"), ("DRIFTLOOP_SINK_PORT", "70000"), ("DRIFTLOOP_BROKER", "cloud")],
)
def test_a_bad_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"{variable}.*{value}"):
        Settings.from_environment({variable: value})
