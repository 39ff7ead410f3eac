-- With which chances a scorer was shown calls, from which offset on, and what it had cost by then.
CREATE TABLE IF NOT EXISTS sampling_changes
(
    `event_id` String,
    `occurred_at` DateTime64(3, 'UTC'),
    `app` LowCardinality(String),
    `model` LowCardinality(String),
    `adapter_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `tenant` LowCardinality(String),
    `scorer` LowCardinality(String),
    `source_topic` String,
    `source_topic_id` String,
    `source_partition` Int64,
    `offset_from` Int64,
    `offset_until` Int64,
    `number` Int64,
    `suspicious` Float64,
    `rest` Float64,
    `calls` Int64,
    `suspicious_calls` Int64,
    `judged` Int64,
    `busy_s` Float64,
    `usd_today` Float64,
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
