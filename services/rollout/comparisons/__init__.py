"""What of a candidate is compared with stable, each comparison by itself. Pure; read by services.rollout.judge."""
