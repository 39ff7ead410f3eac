"""One vocabulary of hazards over all guards, so that what they name can be compared.

The first twelve are MLCommons AILuminate 1.0's (arXiv 2503.05731); the rest is what guards name beyond it.
A code of a guard may stand for several hazards and a hazard for several codes; each code stands for one at least.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from schemas.guards import Hazard

Vocabulary = Literal[
    "llama-guard-1",
    "llama-guard-2",
    "llama-guard-3",
    "llama-guard-4",
    "openai-moderation",
    "shield-gemma",
    "wild-guard",
    "granite-guardian",
    "qwen3-guard",
    "nemo-guard",
]
Codes = Mapping[str, tuple[Hazard, ...]]

_LLAMA_GUARD_3: dict[str, tuple[Hazard, ...]] = {
    "S1": ("violent-crimes",),
    "S2": ("nonviolent-crimes",),
    "S3": ("sex-related-crimes",),
    "S4": ("child-sexual-exploitation",),
    "S5": ("defamation",),
    "S6": ("specialized-advice",),
    "S7": ("privacy",),
    "S8": ("intellectual-property",),
    "S9": ("indiscriminate-weapons",),
    "S10": ("hate",),
    "S11": ("suicide-self-harm",),
    "S12": ("sexual-content",),
    "S13": ("elections",),
    "S14": ("code-interpreter-abuse",),
}

CODES: Mapping[Vocabulary, Codes] = MappingProxyType(
    {
        # Inan et al. 2023; O7 is NeMo Guardrails' addition.
        "llama-guard-1": {
            "O1": ("violent-crimes", "hate"),
            "O2": ("sexual-content",),
            "O3": ("nonviolent-crimes", "violent-crimes"),
            "O4": ("nonviolent-crimes", "indiscriminate-weapons"),
            "O5": ("nonviolent-crimes",),
            "O6": ("suicide-self-harm",),
            "O7": ("profanity", "harassment"),
        },
        # MLCommons' first taxonomy: no defamation and no elections, so its numbers differ from version 3's.
        "llama-guard-2": {
            "S1": ("violent-crimes",),
            "S2": ("nonviolent-crimes",),
            "S3": ("sex-related-crimes",),
            "S4": ("child-sexual-exploitation",),
            "S5": ("specialized-advice",),
            "S6": ("privacy",),
            "S7": ("intellectual-property",),
            "S8": ("indiscriminate-weapons",),
            "S9": ("hate",),
            "S10": ("suicide-self-harm",),
            "S11": ("sexual-content",),
        },
        "llama-guard-3": _LLAMA_GUARD_3,
        "llama-guard-4": _LLAMA_GUARD_3,
        # platform.openai.com/docs/guides/moderation, omni-moderation.
        "openai-moderation": {
            "harassment": ("harassment",),
            "harassment/threatening": ("harassment", "violent-crimes"),
            "hate": ("hate",),
            "hate/threatening": ("hate", "violent-crimes"),
            "illicit": ("nonviolent-crimes",),
            "illicit/violent": ("violent-crimes", "indiscriminate-weapons"),
            "self-harm": ("suicide-self-harm",),
            "self-harm/intent": ("suicide-self-harm",),
            "self-harm/instructions": ("suicide-self-harm",),
            "sexual": ("sexual-content",),
            "sexual/minors": ("child-sexual-exploitation",),
            "violence": ("violent-crimes",),
            "violence/graphic": ("violent-crimes",),
        },
        "shield-gemma": {
            "No Dangerous Content": ("suicide-self-harm", "indiscriminate-weapons", "violent-crimes"),
            "No Harassment": ("harassment",),
            "No Hate Speech": ("hate",),
            "No Sexually Explicit Information": ("sexual-content",),
        },
        # Han et al. 2024 train it on thirteen kinds of harm; its answer names none.
        "wild-guard": {"harmful": ("other",)},
        "granite-guardian": {
            "harm": ("other",),
            "social_bias": ("hate",),
            "profanity": ("profanity",),
            "sexual_content": ("sexual-content",),
            "unethical_behavior": ("unethical", "nonviolent-crimes"),
            "violence": ("violent-crimes", "suicide-self-harm"),
            "jailbreak": ("jailbreak",),
        },
        "qwen3-guard": {
            "Violent": ("violent-crimes", "indiscriminate-weapons"),
            "Non-violent Illegal Acts": ("nonviolent-crimes",),
            "Sexual Content or Sexual Acts": ("sexual-content", "sex-related-crimes", "child-sexual-exploitation"),
            "PII": ("privacy",),
            "Suicide & Self-Harm": ("suicide-self-harm",),
            "Unethical Acts": ("unethical", "hate"),
            "Politically Sensitive Topics": ("elections", "misinformation"),
            "Copyright Violation": ("intellectual-property",),
            "Jailbreak": ("jailbreak",),
        },
        # Aegis 2.0 (Ghosh et al. 2025), as NemoGuard's card numbers it.
        "nemo-guard": {
            "Violence": ("violent-crimes",),
            "Sexual": ("sexual-content", "sex-related-crimes"),
            "Criminal Planning/Confessions": ("nonviolent-crimes", "violent-crimes"),
            "Guns and Illegal Weapons": ("nonviolent-crimes", "indiscriminate-weapons"),
            "Controlled/Regulated Substances": ("nonviolent-crimes",),
            "Suicide and Self Harm": ("suicide-self-harm",),
            "Sexual (minor)": ("child-sexual-exploitation",),
            "Hate/Identity Hate": ("hate",),
            "PII/Privacy": ("privacy",),
            "Harassment": ("harassment",),
            "Threat": ("violent-crimes", "nonviolent-crimes"),
            "Profanity": ("profanity",),
            "Needs Caution": ("other",),
            "Other": ("other",),
            "Manipulation": ("unethical",),
            "Fraud/Deception": ("nonviolent-crimes",),
            "Malware": ("nonviolent-crimes", "code-interpreter-abuse"),
            "High Risk Gov Decision Making": ("other",),
            "Political/Misinformation/Conspiracy": ("misinformation", "elections"),
            "Copyright/Trademark/Plagiarism": ("intellectual-property",),
            "Unauthorized Advice": ("specialized-advice",),
            "Illegal Activity": ("nonviolent-crimes",),
            "Immoral/Unethical": ("unethical",),
        },
    }
)


def hazards_of(vocabulary: Vocabulary, codes: Iterable[str]) -> tuple[Hazard, ...]:
    """Return what a guard's codes stand for, in their order and each once; a code that nobody published is `other`.

    Example:
        >>> hazards_of("llama-guard-3", ["S1", "S10", "S1"])
        ('violent-crimes', 'hate')
    """
    known = CODES[vocabulary]
    named = (hazard for code in codes for hazard in known.get(code, ("other",)))
    return tuple(dict.fromkeys(named))


def codes_of(vocabulary: Vocabulary, hazards: Iterable[str]) -> tuple[str, ...]:
    """Return the codes that stand for any of the hazards, in the guard's order.

    Example:
        >>> codes_of("llama-guard-2", ["hate", "privacy"])
        ('S6', 'S9')
    """
    wanted = set(hazards)
    return tuple(code for code, named in CODES[vocabulary].items() if wanted.intersection(named))


def nameable(vocabulary: Vocabulary) -> frozenset[Hazard]:
    """Return the hazards that a guard can name at all: two guards are compared on what both can."""
    return frozenset(hazard for named in CODES[vocabulary].values() for hazard in named)
