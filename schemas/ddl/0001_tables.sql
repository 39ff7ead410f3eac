-- Every table dedupes by event_id on merge and under FINAL: the row with the highest offset stays.

CREATE TABLE IF NOT EXISTS requests
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `request_id` String,
    `messages` String,
    `session_id` String,
    `user_id` String,
    `tags` String,
    `trace_id` String,
    `span_id` String,
    `sampling` String,
    `contexts` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS responses
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `request_id` String,
    `messages` String,
    `session_id` String,
    `user_id` String,
    `tags` String,
    `trace_id` String,
    `span_id` String,
    `sampling` String,
    `contexts` String,
    `output` String,
    `finish_reason` String,
    `usage` String,
    `latency_ms` Float64,
    `ttft_ms` Nullable(Float64),
    `cost_usd` Float64,
    `error_type` LowCardinality(String),
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS feedback
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `request_id` String,
    `label` Nullable(String),
    `score` Nullable(Float64),
    `source` String,
    `comment` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS metric_windows
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `window_start` DateTime64(3, 'UTC'),
    `window_end` DateTime64(3, 'UTC'),
    `source_topic` String,
    `source_partition` Int64,
    `first_offset` Int64,
    `last_offset` Int64,
    `counters` String,
    `sketches` String,
    `late` Int64,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS scores
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `request_id` String,
    `name` LowCardinality(String),
    `value` Float64,
    `label` LowCardinality(String),
    `scorer` LowCardinality(String),
    `sampling_probability` Float64,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS drift_measurements
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `metric` LowCardinality(String),
    `method` LowCardinality(String),
    `value` Float64,
    `threshold` Float64,
    `drifted` Bool,
    `count` Int64,
    `window_start` DateTime64(3, 'UTC'),
    `window_end` DateTime64(3, 'UTC'),
    `detected_at_count` Int64,
    `reference` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS alerts
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `alert_id` String,
    `monitor` LowCardinality(String),
    `state` LowCardinality(String),
    `severity` LowCardinality(String),
    `metric` LowCardinality(String),
    `comparison` LowCardinality(String),
    `threshold` Float64,
    `value` Nullable(Float64),
    `count` Int64,
    `breached_at` DateTime64(3, 'UTC'),
    `window_end` DateTime64(3, 'UTC'),
    `summary` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS alert_deliveries
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `alert_id` String,
    `alert_state` LowCardinality(String),
    `subscription` String,
    `channel` String,
    `attempts` Int64,
    `delivered` Bool,
    `error` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS retrainings
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `retraining_id` String,
    `alert_id` String,
    `monitor` LowCardinality(String),
    `requested_by` String,
    `reason` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS training_changes
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `job_id` String,
    `retraining_id` String,
    `state` LowCardinality(String),
    `detail` String,
    `step` Int64,
    `steps` Int64,
    `loss` Nullable(Float64),
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS adapter_proposals
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `proposal_id` String,
    `artifact_uri` String,
    `proposed_by` String,
    `reason` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS adapters
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `job_id` String,
    `artifact_uri` String,
    `gate` String,
    `lineage` String,
    `train_seconds` Float64,
    `gate_seconds` Float64,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS rollout_orders
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `order_id` String,
    `action` LowCardinality(String),
    `ordered_by` String,
    `override_gate` Bool,
    `reason` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS rollouts
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `rollout_id` String,
    `state` LowCardinality(String),
    `sequence` Int64,
    `step` Int64,
    `previous_version` String,
    `routes` String,
    `reason` String,
    `evidence` String,
    `override_by` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id);

-- Bytes as they came; `value` and `key` may be anything.
CREATE TABLE IF NOT EXISTS dead_letters
(
    `source_topic` LowCardinality(String),
    `source_topic_id` LowCardinality(String),
    `source_partition` Int32,
    `source_offset` Int64,
    `reason` String,
    `key` String,
    `value` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (source_topic, source_topic_id, source_partition, source_offset);
