"""Settings of one guard model, as they stand under `guard:` of a scorer in driftloop.yaml."""

from typing import Annotated, Literal

import msgspec

GuardName = Literal[
    "llama-guard-1",
    "llama-guard-2",
    "llama-guard-3",
    "llama-guard-4",
    "prompt-guard-2",
    "shield-gemma",
    "wild-guard",
    "granite-guardian",
    "qwen3-guard",
    "nemo-guard",
    "moderation",
]
GuardSide = Literal["prompt", "response"]
# MLCommons AILuminate's twelve, then what guards name beyond them.
Hazard = Literal[
    "violent-crimes",
    "sex-related-crimes",
    "child-sexual-exploitation",
    "suicide-self-harm",
    "indiscriminate-weapons",
    "intellectual-property",
    "defamation",
    "nonviolent-crimes",
    "hate",
    "privacy",
    "specialized-advice",
    "sexual-content",
    "elections",
    "code-interpreter-abuse",
    "harassment",
    "profanity",
    "unethical",
    "misinformation",
    "jailbreak",
    "other",
]
UNSAFE, SAFE = "unsafe", "safe"
REFUSAL, COMPLIANCE = "refusal", "compliance"


class GuardScore(msgspec.Struct, frozen=True, kw_only=True):
    """A score that a guard gives.

    Attributes:
        flagged: The label from the threshold on, whose share is worth watching.
        passed: The other label.
    """

    name: str
    side: GuardSide
    flagged: str = UNSAFE
    passed: str = SAFE


class GuardEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that holds the guard.

    Attributes:
        url: Up to and with /v1.
        model: What the server calls the guard.
        form: `completions` sends the rendered prompt (settings name the checkpoint, whose tokenizer alone is read),
            `chat` leaves rendering to the server, `moderations` is OpenAI's moderation.
        key_env: Environment variable with the key; empty for none.
        timeout_s: Of one call; a call that takes longer leaves its text unjudged.
        concurrency: Calls at the same time.
    """

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^/?#@]+(/[^?#@]*)?$")]
    model: str
    form: Literal["completions", "chat", "moderations"] = "completions"
    key_env: str = ""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 10.0
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which guard, where it is, and what it judges.

    Attributes:
        model: The family, which decides how it is asked and read.
        checkpoint: A model id or a folder.
        base: Model id or folder that an adapter (NemoGuard) is put on; empty means the one it names itself.
        endpoint: In place of local weights.
        download: Whether weights may be fetched; otherwise only what is on this machine is loaded.
        device: As torch names it; `auto` takes a GPU where there is one.
        quantization: 8bit and 4bit need bitsandbytes.
        sides: What it judges of a call.
        categories: Hazards to keep; empty means all that the guard knows.
        policies: A name and a text each, of the user's own. Llama Guard reads them beside its categories; ShieldGemma
            and Granite Guardian are asked about each, in place of their own.
        controversial: Whether Qwen3Guard's third answer counts as unsafe.
        threshold: Probability from which a text is called unsafe.
        context: Tokens of a prompt at most; longer conversations lose their oldest messages, then the judged text its
            middle.
        batch: Texts in one forward pass.
    """

    model: GuardName
    checkpoint: str = ""
    base: str = ""
    endpoint: GuardEndpoint | None = None
    download: bool = False
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantization: Literal["none", "8bit", "4bit"] = "none"
    sides: tuple[GuardSide, ...] = ("prompt", "response")
    categories: tuple[Hazard, ...] = ()
    policies: dict[Annotated[str, msgspec.Meta(min_length=1, max_length=64)], str] = {}
    controversial: Literal["unsafe", "safe"] = "unsafe"
    threshold: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    context: Annotated[int, msgspec.Meta(ge=64)] = 4096
    batch: Annotated[int, msgspec.Meta(ge=1, le=32)] = 8

    def __post_init__(self) -> None:
        if not self.checkpoint and self.endpoint is None:
            raise ValueError(f"{self.model}: needs a checkpoint (a model id or a folder) or an endpoint")
        if not self.sides:
            raise ValueError(f"{self.model}: judges neither prompt nor response")


def guard_scores(name: str, settings: GuardSettings) -> tuple[GuardScore, ...]:
    """Return what the guard of this name measures: `<side>.<name>`, so that two guards of an app are two series.

    Prompt Guard judges prompts alone; WildGuard also says whether an answer is a refusal.
    """
    sides = [side for side in settings.sides if side == "prompt" or settings.model != "prompt-guard-2"]
    scores = [GuardScore(name=f"{side}.{name}", side=side) for side in sides]
    if settings.model == "wild-guard" and "response" in sides:
        refusal = f"response.{name}-refusal"
        scores.append(GuardScore(name=refusal, side="response", flagged=REFUSAL, passed=COMPLIANCE))
    return tuple(scores)
