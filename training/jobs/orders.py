"""Which orders become jobs. Decisions only; the service records and tells them."""

from collections.abc import Callable, Sequence

from schemas.configuration import Configuration
from schemas.durations import parse_duration
from schemas.learning import RetrainingRequested
from services.clients.store.training_jobs import OPEN, TrainingJob

AUTOMATIC = "monitor"
HasBase = Callable[[str], bool]
"""Whether a base model is on this machine, by its name."""


def refusal(
    order: RetrainingRequested, configuration: Configuration, jobs: Sequence[TrainingJob], *, has_base: HasBase
) -> str:
    """Return why a retraining is declined, empty when it is accepted.

    One retraining an app at a time, for anyone. The cooldown counts from the end of the last one,
    successful or not, and holds for monitors only: an operator knows what she orders.

    Args:
        order: The order; its own time decides, so that a replay decides alike.
        configuration: In force.
        jobs: The app's jobs.
        has_base: As for `unfitness`.
    """
    unfit = unfitness(order.app, configuration, has_base=has_base)
    retrainings = [job for job in jobs if job.kind == "retraining" and job.state != "declined"]
    under_way = next((job for job in retrainings if job.state in OPEN), None)
    if unfit or under_way:
        return unfit or f"a retraining is under way ({under_way.version if under_way else ''})"
    last = max((job.updated_at for job in retrainings), default=None)
    cooldown = configuration.training_of(order.app).cooldown
    if last is None or order.requested_by != AUTOMATIC or order.occurred_at >= last + parse_duration(cooldown):
        return ""
    return f"cooling down: the last retraining ended less than {cooldown} before"


def unfitness(app: str, configuration: Configuration, *, has_base: HasBase) -> str:
    """Return why an app can't be trained or gated at all, empty when it can.

    An app that is served elsewhere may name a base model that only its upstreams have.
    """
    known = configuration.app(app)
    if known is None:
        return f"app {app} is not in the configuration"
    if known.does == "classify" and len(known.labels) < 2:
        return f"app {app} has no labels to learn, two are needed"
    if not has_base(known.base_model):
        return (
            f"base model {known.base_model} of app {app} is not here: put it, in transformers' format, "
            f"into models/{known.base_model} of the data folder"
        )
    return ""
