-- NULL is a score that could not be given, with the reason beside it. Rows stored before were all given.
ALTER TABLE scores
    MODIFY COLUMN `value` Nullable(Float64),
    ADD COLUMN IF NOT EXISTS `categories` String DEFAULT '[]' AFTER `label`,
    ADD COLUMN IF NOT EXISTS `unjudged` LowCardinality(String) AFTER `categories`,
    ADD COLUMN IF NOT EXISTS `latency_ms` Float64 AFTER `scorer`;
