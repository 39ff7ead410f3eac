-- What a call declares (tools, the form of its answer), and how likely the tokens of its answer were.
ALTER TABLE requests
    ADD COLUMN IF NOT EXISTS `tools` String DEFAULT '[]' AFTER `contexts`,
    ADD COLUMN IF NOT EXISTS `response_schema` String AFTER `tools`,
    ADD COLUMN IF NOT EXISTS `declared_left_out` Int64 AFTER `response_schema`;
ALTER TABLE responses
    ADD COLUMN IF NOT EXISTS `tools` String DEFAULT '[]' AFTER `contexts`,
    ADD COLUMN IF NOT EXISTS `response_schema` String AFTER `tools`,
    ADD COLUMN IF NOT EXISTS `declared_left_out` Int64 AFTER `response_schema`,
    ADD COLUMN IF NOT EXISTS `logprobs` String DEFAULT 'null' AFTER `upstream_error_type`;
