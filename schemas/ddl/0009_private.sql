-- What was found in an event's texts before they were kept, and under which policy; null where nobody looked.
ALTER TABLE requests ADD COLUMN IF NOT EXISTS `private` String DEFAULT 'null' AFTER `contexts`;
ALTER TABLE responses ADD COLUMN IF NOT EXISTS `private` String DEFAULT 'null' AFTER `contexts`;
ALTER TABLE feedback ADD COLUMN IF NOT EXISTS `private` String DEFAULT 'null' AFTER `comment`;
