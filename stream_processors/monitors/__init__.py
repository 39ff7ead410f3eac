"""From windows, scores and drift to alerts and ordered retrainings: the monitors processor."""
