"""Which orders become jobs. Decisions only; the service records and tells them."""

from collections.abc import Sequence

from schemas.configuration import Configuration
from schemas.durations import parse_duration
from schemas.learning import RetrainingRequested
from services.clients.store.training_jobs import OPEN, TrainingJob

AUTOMATIC = "monitor"


def refusal(order: RetrainingRequested, configuration: Configuration, jobs: Sequence[TrainingJob]) -> str:
    """Return why a retraining is declined, empty when it is accepted.

    One retraining an app at a time, for anyone. The cooldown counts from the end of the last one,
    successful or not, and holds for monitors only: an operator knows what she orders.

    Args:
        order: The order; its own time decides, so that a replay decides alike.
        configuration: In force.
        jobs: The app's jobs.
    """
    unfit = unfitness(order.app, configuration)
    retrainings = [job for job in jobs if job.kind == "retraining" and job.state != "declined"]
    under_way = next((job for job in retrainings if job.state in OPEN), None)
    if unfit or under_way:
        return unfit or f"a retraining is under way ({under_way.version if under_way else ''})"
    last = max((job.updated_at for job in retrainings), default=None)
    cooldown = configuration.training_of(order.app).cooldown
    if last is None or order.requested_by != AUTOMATIC or order.occurred_at >= last + parse_duration(cooldown):
        return ""
    return f"cooling down: the last retraining ended less than {cooldown} before"


def unfitness(app: str, configuration: Configuration) -> str:
    """Return why an app can't be trained or gated at all, empty when it can."""
    known = configuration.app(app)
    if known is None:
        return f"app {app} is not in the configuration"
    return "" if len(known.labels) > 1 else f"app {app} has no labels to learn, two are needed"
