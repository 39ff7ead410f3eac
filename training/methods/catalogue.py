"""Which methods there are."""

from schemas.configuration import App
from schemas.training_policy import MethodName, Training
from training.methods.lessons import Method


def method_of(policy: Training, app: App) -> Method:
    """Return the method that a policy means for an app."""
    return method_named(policy.method_for(app.does))


def method_named(name: MethodName) -> Method:
    """Return a method; each is imported when it is wanted, as a classifier needs none of trl."""
    from training.methods.fitting import Fitting

    match name:
        case "choices":
            from training.methods.choices import prepare
        case "sft":
            from training.methods.sft import prepare
        case "dpo":
            from training.methods.dpo import prepare
        case "kto":
            from training.methods.kto import prepare
    return Fitting(prepare)
