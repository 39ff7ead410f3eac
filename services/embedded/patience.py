"""How long the supervisor waits for what. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, unless said otherwise.

    Attributes:
        tick: Between looks at the children.
        probe_every: Between health checks of a child that is well; a starting one is asked each tick.
        probe_again: After a failed one.
        probe_timeout: A check without an answer by then failed. Generous: training shares the processor.
        silences: Failed checks in a row after which a child hangs and is replaced.
        start: A child that isn't well by then is replaced.
        starts: Failed starts in a row, before it was ever well, after which the stack gives up.
        first_pause: Before the first restart; doubles with each further one.
        longest_pause: Bound of that.
        forgiven_after: Time in good health after which the pauses begin anew.
        stop: Between SIGTERM and SIGKILL.
    """

    tick: float = 0.2
    probe_every: float = 5.0
    probe_again: float = 1.0
    probe_timeout: float = 5.0
    silences: int = 6
    start: float = 300.0
    starts: int = 3
    first_pause: float = 0.5
    longest_pause: float = 30.0
    forgiven_after: float = 30.0
    stop: float = 10.0


def pause_before_restart(patience: Patience, restarts_in_a_row: int) -> float:
    """Return the seconds to wait before a restart.

    Example:
        >>> [pause_before_restart(Patience(), number) for number in (0, 1, 2, 10)]
        [0.5, 1.0, 2.0, 30.0]
    """
    return float(min(patience.longest_pause, patience.first_pause * 2.0 ** min(restarts_in_a_row, 30)))
