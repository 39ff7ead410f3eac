-- Whatever serves is rolled back to this version; null where the order names the version that is taken back.
ALTER TABLE rollout_orders ADD COLUMN IF NOT EXISTS `back_to` Nullable(String) AFTER `override_gate`;
