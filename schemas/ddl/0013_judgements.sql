-- What feedback says beside a label and a score, and who says it.
ALTER TABLE feedback
    ADD COLUMN IF NOT EXISTS `rating` Nullable(Int64) AFTER `score`,
    ADD COLUMN IF NOT EXISTS `correction` String DEFAULT 'null' AFTER `rating`,
    ADD COLUMN IF NOT EXISTS `comparison` String DEFAULT 'null' AFTER `correction`,
    ADD COLUMN IF NOT EXISTS `signal` Nullable(String) AFTER `comparison`,
    ADD COLUMN IF NOT EXISTS `user_id` String AFTER `source`;
