"""Guards whose weights, or whose tokenizer at least, are on this machine."""

from schemas.guards import GuardSettings
from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.families.prompt_guard import PromptGuard
from services.scorers.guards.template import Template
from services.scorers.guards.weights import load_causal, load_classifier, load_tokenizer


def checkpoint(settings: GuardSettings) -> Checkpoint:
    """Load a guard that is asked questions.

    Raises:
        GuardUnavailable: Absent weights, or no bitsandbytes where settings need it.
    """
    weights = load_causal(settings)
    renders = Template(weights.tokenizer, context=min(settings.context, weights.context))
    return Checkpoint(weights.model, renders, version=weights.version + renders.version, batch=settings.batch)


def template(settings: GuardSettings) -> Template:
    """Load the tokenizer alone, of a guard whose weights an endpoint holds.

    Raises:
        GuardUnavailable: It is absent.
    """
    return Template(load_tokenizer(settings), context=settings.context)


def prompt_guard(settings: GuardSettings) -> tuple[PromptGuard, str]:
    """Load a classifier, and say which version it is.

    Raises:
        GuardUnavailable: As of `checkpoint`.
    """
    weights = load_classifier(settings)
    return PromptGuard(weights.model, weights.tokenizer, batch=settings.batch), weights.version
