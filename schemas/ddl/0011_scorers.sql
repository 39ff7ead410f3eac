-- How right scorers are, and what a scorer's new version changes.
CREATE TABLE IF NOT EXISTS scorer_evaluations
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `evaluation_id` String,
    `scorer` LowCardinality(String),
    `version` String,
    `measure` String,
    `data_set` String,
    `data_hash` String,
    `relation` LowCardinality(String),
    `harmless` Bool,
    `sliced_by` LowCardinality(String),
    `slice` String,
    `examples` Int64,
    `bad` Int64,
    `unjudged` Int64,
    `texts_per_second` Nullable(Float64),
    `figures` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC'),
    INDEX offsets `offset` TYPE minmax
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS scorer_changes
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `scorer` LowCardinality(String),
    `previous_version` String,
    `version` String,
    `anchors` String,
    `measures` String,
    `topic_id` LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `recorded_at` DateTime64(3, 'UTC'),
    INDEX offsets `offset` TYPE minmax
)
ENGINE = ReplacingMergeTree(`offset`)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (app, occurred_at, event_id)
SETTINGS non_replicated_deduplication_window = 1000;

-- Whose scores a detector looked at: those of another version are another series.
ALTER TABLE drift_measurements ADD COLUMN IF NOT EXISTS `scorer` LowCardinality(String) AFTER `reference`;
