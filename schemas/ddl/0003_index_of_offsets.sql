-- The sink asks for the highest offsets whenever it is given partitions.
ALTER TABLE requests ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE responses ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE feedback ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE metric_windows ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE scores ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE drift_measurements ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE alerts ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE alert_deliveries ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE retrainings ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE training_changes ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE adapter_proposals ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE adapters ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE rollout_orders ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE rollouts ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
ALTER TABLE dead_letters ADD INDEX IF NOT EXISTS offsets `offset` TYPE minmax;
