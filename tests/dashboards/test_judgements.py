"""The figures of feedback on the Overview page, without a warehouse."""

import pandas as pd

from dashboards.views import judgements
from schemas.metrics import COUNTERS
from stream_processors.monitors.partials import measure
from tests.stream_processors.builders import EPOCH, window


def test_the_figures_of_feedback_are_those_of_the_monitors() -> None:
    counters = dict.fromkeys(COUNTERS, 0.0) | {
        "feedback": 10.0, "feedback_correct": 6.0, "thumbs": 8.0, "thumbs_down": 2.0, "ratings": 2.0, "rating_sum": 7.0,
        "corrections": 5.0, "edit_sum": 1.0, "copied": 3.0, "abandoned": 1.0, "comparisons_won": 1.0,
    }  # fmt: skip
    silent = dict.fromkeys(COUNTERS, 0.0) | {"responses": 9.0}
    (row,) = judgements.by_version(
        pd.DataFrame([{"adapter_version": "v1", **counters}, {"adapter_version": "v2", **silent}])
    ).to_dict("records")
    wanted = {
        "accuracy": "accuracy", "thumbs_down": "thumbs_down_ratio", "corrected": "correction_ratio",
        "preferred": "preferred_ratio", "copied": "copied_ratio", "regenerated": "regenerated_ratio",
        "abandoned": "abandoned_ratio",
    }  # fmt: skip
    shares = {
        name: measure(f"feedback.{metric}", [window(EPOCH, counters=counters)]).value for name, metric in wanted.items()
    }
    assert {name: row[name] for name in wanted} == {name: 100 * (value or 0) for name, value in shares.items()}
    assert (row["version"], row["judged"], row["rating"], row["distance"]) == ("v1", 10, 3.5, 0.2)
