-- An insert that the driver sends again carries the token of the first; it is dropped.
ALTER TABLE requests MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE responses MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE feedback MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE metric_windows MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE scores MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE drift_measurements MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE alerts MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE alert_deliveries MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE retrainings MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE training_changes MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE adapter_proposals MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE adapters MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE rollout_orders MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE rollouts MODIFY SETTING non_replicated_deduplication_window = 1000;
ALTER TABLE dead_letters MODIFY SETTING non_replicated_deduplication_window = 1000;
