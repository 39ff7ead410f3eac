"""What the tests of the running monitors share: a monitor, and waiting until it has judged windows."""

from schemas.settings import Settings
from schemas.topics import METRICS_WINDOW_CLOSED
from tests.stream_processors.workers import await_commits, ends

CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
windows: {length: 1s, lateness: 1s}
monitors:
  - {name: accuracy-drop, app: guard, metric: feedback.accuracy, window: 1s, below: 0.8, for: 2, min_count: 10,
     severity: critical, then: [alert, retrain]}
"""


KEPT = 8
"""Windows that the monitor may still look at."""
AHEAD_MS = 480_000
"""Windows so far ahead that only reports complete them and never the clock, and yet not too far for the log."""


def await_judged(settings: Settings, count: int) -> None:
    """Wait until the first `count` windows have been judged: then all but the last KEPT have been let go."""
    (partition,) = ends(settings, METRICS_WINDOW_CLOSED)
    await_commits(settings, "monitors", METRICS_WINDOW_CLOSED, {partition: 2 * (count - KEPT)})
