"""Base models and how their answers are scored; shared by the trainer, the gate and the model server."""
