"""Makes the guard that an entry of driftloop.yaml names: here or behind an endpoint, or one clear line why not."""

import os
from collections.abc import Mapping

from schemas.guards import GuardEndpoint, GuardName, GuardSettings
from services.scorers.guards.asking import PROMPT_GUARD, Described, Engine, Family, GuardUnavailable
from services.scorers.guards.families.granite_guardian import GraniteGuardian
from services.scorers.guards.families.llama_guard import SOURCES, LlamaGuard
from services.scorers.guards.families.moderation import Moderation
from services.scorers.guards.families.nemo_guard import NemoGuard
from services.scorers.guards.families.qwen_guard import QwenGuard
from services.scorers.guards.families.shield_gemma import ShieldGemma
from services.scorers.guards.families.wild_guard import WildGuard
from services.scorers.guards.guard import Guard
from services.scorers.guards.hazards import Vocabulary, codes_of, nameable
from services.scorers.guards.presence import base_of, folder_of, must_have_weights
from services.scorers.guards.remote import CHARACTERS_A_TOKEN, Chat, Completions
from services.scorers.remote.asking import Asker

VOCABULARIES: Mapping[GuardName, Vocabulary] = {
    "llama-guard-1": "llama-guard-1",
    "llama-guard-2": "llama-guard-2",
    "llama-guard-3": "llama-guard-3",
    "llama-guard-4": "llama-guard-4",
    "shield-gemma": "shield-gemma",
    "granite-guardian": "granite-guardian",
    "qwen3-guard": "qwen3-guard",
    "nemo-guard": "nemo-guard",
    "moderation": "openai-moderation",
}
"""Of the guards that name hazards one by one."""
ASKED_ALIKE: Mapping[GuardName, type[ShieldGemma] | type[GraniteGuardian] | type[NemoGuard]] = {
    "shield-gemma": ShieldGemma,
    "granite-guardian": GraniteGuardian,
    "nemo-guard": NemoGuard,
}


def guard_scorer(name: str, settings: GuardSettings, environment: Mapping[str, str] = os.environ) -> Guard:
    """Return the guard as a scorer; its weights are loaded, its endpoint is not called yet.

    Args:
        name: Of the scorer.
        settings: Of the guard.
        environment: Where an endpoint's key stands.

    Raises:
        GuardUnavailable: Settings that don't go together, absent weights, an absent key.
    """
    _check(settings)
    family: Family
    if settings.model == "prompt-guard-2":
        # Loading torch takes seconds and half a gigabyte, which a guard behind an endpoint spares.
        from services.scorers.guards.weights import prompt_guard

        family, version = prompt_guard(settings)
        return Guard(family, name=name, settings=settings, engine_version=version, cost="model")
    if settings.endpoint is not None and settings.model == "moderation":
        family = _moderation(settings, settings.endpoint, environment)
        version = f"{settings.endpoint.url} {settings.endpoint.model}"
        return Guard(family, name=name, settings=settings, engine_version=version, cost="remote")
    engine = _engine(settings, environment)
    family = family_of(settings, engine)
    return Guard(family, name=name, settings=settings, engine_version=engine.version, cost=engine.cost)


def guard_lacks(settings: GuardSettings, environment: Mapping[str, str] = os.environ) -> str:
    """Return in one line what a guard lacks to be made; empty when all is there. Nothing is loaded or fetched."""
    try:
        _check(settings)
        if settings.endpoint is not None:
            _key(settings, settings.endpoint, environment)
        _look_for_files(settings)
    except GuardUnavailable as error:
        return str(error)
    return ""


def _look_for_files(settings: GuardSettings) -> None:
    endpoint = settings.endpoint
    if settings.download or (endpoint is not None and endpoint.form != "completions"):
        return
    folder = folder_of(settings, settings.checkpoint, download=False)
    if endpoint is None:
        must_have_weights(settings, folder)
        must_have_weights(settings, base_of(settings, folder, download=False))


def family_named(model: GuardName) -> Described:
    """Return what a family says of itself."""
    if model in ASKED_ALIKE:
        return Described(ASKED_ALIKE[model].source, ASKED_ALIKE[model].blind_spots)
    if model == "wild-guard":
        return Described(WildGuard.source, WildGuard.blind_spots)
    if model == "qwen3-guard":
        return Described(QwenGuard.source, QwenGuard.blind_spots)
    if model == "moderation":
        return Described(Moderation.source, Moderation.blind_spots)
    if model == "prompt-guard-2":
        return PROMPT_GUARD
    return Described(SOURCES[VOCABULARIES[model]], LlamaGuard.blind_spots)


def family_of(settings: GuardSettings, engine: Engine) -> Family:
    """Return the family that asks this engine.

    Raises:
        GuardUnavailable: Categories are chosen that its template can't leave out.
    """
    if settings.model == "wild-guard":
        return WildGuard(engine)
    threshold, categories, policies = settings.threshold, settings.categories, settings.policies
    if settings.model in ASKED_ALIKE:
        asked = ASKED_ALIKE[settings.model]
        return asked(engine, threshold=threshold, categories=categories, policies=policies)
    if settings.model == "qwen3-guard":
        strict = settings.controversial == "unsafe"
        return QwenGuard(engine, threshold=threshold, strict=strict, categories=categories, policies=policies)
    vocabulary = VOCABULARIES[settings.model]
    return LlamaGuard(engine, vocabulary=vocabulary, threshold=threshold, categories=categories, policies=policies)


def _engine(settings: GuardSettings, environment: Mapping[str, str]) -> Engine:
    endpoint = settings.endpoint
    if endpoint is not None and endpoint.form == "chat":
        return Chat(endpoint, _asker(settings, endpoint, environment), context=settings.context)
    from services.scorers.guards.weights import checkpoint, template

    engine: Engine
    if endpoint is None:
        engine = checkpoint(settings)
    else:
        engine = Completions(endpoint, _asker(settings, endpoint, environment), template(settings))
    if not engine.template and settings.model != "wild-guard":
        raise GuardUnavailable(
            f"{settings.model}: {settings.checkpoint} has no chat template, and this guard needs its own"
        )
    return engine


def _moderation(settings: GuardSettings, endpoint: GuardEndpoint, environment: Mapping[str, str]) -> Moderation:
    return Moderation(
        _asker(settings, endpoint, environment),
        model=endpoint.model,
        threshold=settings.threshold,
        categories=settings.categories,
        characters=settings.context * CHARACTERS_A_TOKEN,
    )


def _asker(settings: GuardSettings, endpoint: GuardEndpoint, environment: Mapping[str, str]) -> Asker:
    key = _key(settings, endpoint, environment)
    return Asker(endpoint.url, key=key, timeout_s=endpoint.timeout_s, side_by_side=endpoint.concurrency)


def _key(settings: GuardSettings, endpoint: GuardEndpoint, environment: Mapping[str, str]) -> str:
    key = environment.get(endpoint.key_env, "") if endpoint.key_env else ""
    if endpoint.key_env and not key:
        raise GuardUnavailable(f"{settings.model}: {endpoint.key_env} is not set; it holds the key of {endpoint.url}")
    return key


def _check(settings: GuardSettings) -> None:
    fault = _fault(settings)
    if fault:
        raise GuardUnavailable(f"{settings.model}: {fault}")


def _fault(settings: GuardSettings) -> str:
    model, endpoint = settings.model, settings.endpoint
    form = endpoint.form if endpoint else "none"
    if (model == "moderation") != (form == "moderations"):
        return "an endpoint of form: moderations goes with model: moderation alone, and it with nothing else"
    if model == "prompt-guard-2" and (endpoint or "prompt" not in settings.sides):
        return "is loaded from a checkpoint and judges prompts"
    if form == "completions" and not settings.checkpoint:
        return (
            "form: completions needs the checkpoint's tokenizer: name a folder or id as checkpoint, or use form: chat"
        )
    if form == "chat" and model == "wild-guard":
        return "has no chat template: use form: completions"
    return _fault_of_choice(settings)


def _fault_of_choice(settings: GuardSettings) -> str:
    vocabulary = VOCABULARIES.get(settings.model)
    if settings.policies and (vocabulary is None or settings.model == "moderation"):
        return "takes no policies"
    if settings.categories and vocabulary is None:
        return "names no categories to choose from"
    if vocabulary is not None and settings.categories and not codes_of(vocabulary, settings.categories):
        return f"names none of {', '.join(settings.categories)}; it knows {', '.join(sorted(nameable(vocabulary)))}"
    return ""
