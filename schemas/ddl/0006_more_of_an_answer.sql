-- Reasoning apart from the answer, the choices beyond the first, and an upstream's own words for its failure.
ALTER TABLE responses
    ADD COLUMN IF NOT EXISTS `reasoning` String AFTER `error_type`,
    ADD COLUMN IF NOT EXISTS `choices` String DEFAULT '[]' AFTER `reasoning`,
    ADD COLUMN IF NOT EXISTS `error_message` String AFTER `choices`,
    ADD COLUMN IF NOT EXISTS `upstream_error_type` LowCardinality(String) AFTER `error_message`;
