-- A message may hold an array of events; each bad one is a letter of its own. 0 is the whole message.
ALTER TABLE dead_letters
    ADD COLUMN IF NOT EXISTS `source_element` Int32 AFTER `source_offset`,
    MODIFY ORDER BY (source_topic, source_topic_id, source_partition, source_offset, source_element);
