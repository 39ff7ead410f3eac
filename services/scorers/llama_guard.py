"""Guard models as scorers: Llama Guard, ShieldGemma, WildGuard, any checkpoint folder that transformers loads.

Heavier and better than the embedded heads; switched on by configuration, and the one module of this
package that loads torch. A score is read off one forward pass, nothing is decoded for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from schemas.inference import Message

Conversation = Sequence[Message]
Probabilities = npt.NDArray[np.float64]

MAX_LEADING_TOKENS = 2
MAX_CATEGORY_TOKENS = 32
BATCH = 8
_GREETING = (Message(role="user", content="hello"),)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard says of the last message of a conversation.

    Attributes:
        probability: That it is unsafe.
        categories: Hazards it names, as the checkpoint writes them (S1 to S14; a policy's text); empty if safe.
    """

    probability: float
    categories: tuple[str, ...] = ()


class Checkpoint:
    """A causal language model with its tokenizer, asked for the probabilities of next words."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Load a local checkpoint folder in the number format it was saved in."""
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", local_files_only=True)
        return cls(model.to(device), AutoTokenizer.from_pretrained(folder, local_files_only=True))

    def render(self, conversation: Conversation, **arguments: object) -> str:
        """Return the prompt that the checkpoint's own chat template makes, ready for the answer.

        Some templates (Llama Guard 3 1B) read content as a list of parts and drop a plain string.
        """
        plain: list[dict[str, Any]] = [{"role": m.role, "content": m.text} for m in conversation]
        parts = [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in plain]
        takes_plain = plain[-1]["content"].strip() in self._template(plain, arguments)
        return self._template(plain if takes_plain else parts, arguments)

    def _template(self, messages: list[dict[str, Any]], arguments: Mapping[str, object]) -> str:
        return str(
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **arguments)
        )

    def first_token(self, prompt: str, word: str) -> int:
        """Return the token that begins `word` when it follows `prompt`; never the same for every tokenizer."""
        before = self.tokenizer.encode(prompt, add_special_tokens=False)
        after = self.tokenizer.encode(prompt + word, add_special_tokens=False)
        same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
        return int(after[same])

    def next_words(self, prompts: Sequence[str], words: Sequence[str]) -> Probabilities:
        """Return the probability that each word's first token comes next, (len(prompts), len(words)).

        All prompts end alike, as those of one template do. Probabilities are over the whole vocabulary.

        Raises:
            ValueError: Two words begin with the same token, so that it can't tell them apart.
        """
        if not prompts:
            return np.zeros((0, len(words)))
        tokens = [self.first_token(prompts[0], word) for word in words]
        if len(set(tokens)) < len(words):
            raise ValueError(f"the tokenizer begins {' and '.join(words)} alike")
        batches = [self._next(prompts[i : i + BATCH]) for i in range(0, len(prompts), BATCH)]
        return np.asarray(torch.cat(batches)[:, tokens].double().cpu().numpy(), np.float64)

    def _next(self, prompts: Sequence[str]) -> torch.Tensor:
        inputs = self.tokenizer(list(prompts), return_tensors="pt", padding=True, add_special_tokens=False)
        mask = inputs["attention_mask"].to(self.model.device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        with torch.inference_mode():
            logits: torch.Tensor = self.model(
                input_ids=inputs["input_ids"].to(self.model.device),
                attention_mask=mask,
                position_ids=positions,
                logits_to_keep=1,
                use_cache=False,
            ).logits
        return torch.softmax(logits[:, -1].float(), dim=-1)

    def leading_blank(self, prompt: str) -> str:
        """Return the white space that the checkpoint writes before its answer, such as Llama Guard 3's two newlines."""
        blank = ""
        for _ in range(MAX_LEADING_TOKENS):
            written = self.tokenizer.decode(int(self._next([prompt + blank])[0].argmax()))
            if not written or written.strip():
                break
            blank += written
        return blank

    def continuation(self, prompt: str) -> str:
        """Return what the checkpoint writes after a prompt, greedily."""
        inputs = self.tokenizer([prompt], return_tensors="pt", add_special_tokens=False).to(self.model.device)
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            written = self.model.generate(**inputs, max_new_tokens=MAX_CATEGORY_TOKENS, do_sample=False)
        return str(self.tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


class LlamaGuard:
    """Llama Guard 2 and 3 (Inan et al. 2023): `safe`, or `unsafe` and a line of category codes.

    The score is the probability of the token that begins "unsafe" at the first position of the answer,
    as the model card has it. The last message's role decides which side is judged.
    """

    def __init__(
        self, checkpoint: Checkpoint, *, threshold: float = 0.5, categories: Mapping[str, str] | None = None
    ) -> None:
        self._checkpoint = checkpoint
        self._threshold = threshold
        self._arguments: dict[str, object] = {"categories": dict(categories)} if categories else {}
        self._blank = checkpoint.leading_blank(self._prompt(_GREETING))

    def score(self, conversations: Sequence[Conversation]) -> Probabilities:
        """Return the probability that each conversation's last message is unsafe, (n,)."""
        prompts = [self._prompt(conversation) + self._blank for conversation in conversations]
        return self._checkpoint.next_words(prompts, ("unsafe", "safe"))[:, 0]

    def judge(self, conversations: Sequence[Conversation]) -> list[Verdict]:
        """Return verdicts; only what reaches the threshold costs the decoding of its categories."""
        return [
            Verdict(float(probability), self._categories(conversation) if probability >= self._threshold else ())
            for conversation, probability in zip(conversations, self.score(conversations), strict=True)
        ]

    def _categories(self, conversation: Conversation) -> tuple[str, ...]:
        prompt = self._prompt(conversation) + self._blank
        return parse_categories("unsafe" + self._checkpoint.continuation(prompt + "unsafe"))

    def _prompt(self, conversation: Conversation) -> str:
        return self._checkpoint.render(conversation, **self._arguments)


def parse_categories(answer: str) -> tuple[str, ...]:
    r"""Return the category codes of a Llama Guard answer, in its order.

    Example:
        >>> parse_categories("\n\nunsafe\nS1, S9")
        ('S1', 'S9')
        >>> parse_categories("safe")
        ()
    """
    lines = [line.strip() for line in answer.strip().splitlines() if line.strip()]
    if len(lines) < 2 or lines[0].lower() != "unsafe":
        return ()
    return tuple(code.strip() for code in lines[1].split(",") if code.strip())


class ShieldGemma:
    """ShieldGemma (Zeng et al. 2024): P(Yes) against P(No) to "does this violate the policy?", a policy at a time."""

    def __init__(self, checkpoint: Checkpoint, *, policies: Sequence[str], threshold: float = 0.5) -> None:
        self._checkpoint = checkpoint
        self._policies = tuple(policies)
        self._threshold = threshold

    def judge(self, conversations: Sequence[Conversation]) -> list[Verdict]:
        """Return verdicts: the most violated policy's probability, and every policy at or past the threshold."""
        by_policy = np.stack([self._violation(conversations, policy) for policy in self._policies], axis=1)
        return [
            Verdict(
                float(row.max()), tuple(p for p, v in zip(self._policies, row, strict=True) if v >= self._threshold)
            )
            for row in by_policy
        ]

    def _violation(self, conversations: Sequence[Conversation], policy: str) -> Probabilities:
        prompts = [self._checkpoint.render(conversation, guideline=policy) for conversation in conversations]
        return _against(self._checkpoint.next_words(prompts, ("Yes", "No")))


class WildGuard:
    """WildGuard (Han et al. 2024): yes or no to three lines, each asked by writing the lines before it.

    Args:
        checkpoint: The model.
        prompt_format: The checkpoint's input text with {prompt} and {response}, as its model card gives it; it
            comes with no chat template.
    """

    LINES = ("Harmful request:", "Response refusal:", "Response harmful:")

    def __init__(self, checkpoint: Checkpoint, *, prompt_format: str) -> None:
        self._checkpoint = checkpoint
        self._format = prompt_format

    def judge(self, prompt: str, response: str = "") -> Verdict:
        """Return whether the response is harmful or, where there is none, the prompt."""
        before, between = self._format.split("{prompt}", 1)
        text = before + prompt + between.replace("{response}", response, 1)
        probability = 0.0
        for line in self.LINES[: 3 if response else 1]:
            text += line
            probability = float(_against(self._checkpoint.next_words([text], (" yes", " no")))[0])
            text += f" {'yes' if probability >= 0.5 else 'no'}\n"
        return Verdict(probability)


def _against(probabilities: Probabilities) -> Probabilities:
    """Return the first word's share of the two words' probability, (n,)."""
    return np.asarray(probabilities[:, 0] / probabilities.sum(axis=1))
