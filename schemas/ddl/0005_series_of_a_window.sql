-- How many series a source partition reports of a window. Rows stored before were reported one by one.
ALTER TABLE metric_windows ADD COLUMN IF NOT EXISTS `series_count` Int64 DEFAULT 1 AFTER `late`;
