"""The training service: from an ordered retraining to a gated adapter version."""
