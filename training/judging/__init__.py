"""May a candidate be rolled out? Evaluation, statistics, the gate."""
