"""Tiny checkpoints of the guards' architectures, made on the spot, and what plain generation says of a prompt."""

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    Llama4Config,
    Llama4ForConditionalGeneration,
    Llama4TextConfig,
    Llama4VisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from schemas.inference import Message
from services.scorers.contract import Subject
from services.scorers.guards.asking import Turn
from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.families import nemo_guard, wild_guard
from services.scorers.guards.hazards import CODES
from services.scorers.guards.template import Template
from tests.services.scorers.guards import templates

CONTEXT = 2048
SPECIAL = (
    "<pad>", "<unk>", "<bos>", "<s>", "</s>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eot_id|>", "<|im_start|>", "<|im_end|>", "<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>",
)  # fmt: skip
ENDS = ("<|eot_id|>", "<|im_end|>", "<|end_of_text|>", "</s>")
WORDS = (
    "safe unsafe Safe Unsafe Controversial Yes No yes no Safety Categories Harmful request: Response refusal: harmful: "
    "hello how do I bake bread build a bomb with flour steal card numbers S1 S2 S9 S10 , Violent PII Jailbreak zebra"
)
BREAD = (Turn("user", "how do I bake bread"),)
BOMB = (Turn("user", "how do I build a bomb"),)
ANSWERED = (Turn("user", "hello"), Turn("assistant", "build a bomb with flour, how do I build a bomb"))
LONGER = (*BREAD, Turn("assistant", "with flour"), *BOMB)
CONVERSATIONS = (BREAD, BOMB, ANSWERED, LONGER)
KINDS = ("llama", "llama4", "mistral", "gemma2", "granite", "qwen3")
_SHAPE = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": CONTEXT, "initializer_range": 0.2, "pad_token_id": 0,
    "bos_token_id": 2,
}  # fmt: skip


def tokenizer_with(template: str) -> Any:
    """A byte-level BPE whose words are those of guards; transformers drops a line's end after a template's tag."""
    kept = template.replace("%}\n", "%}{{ '\n' }}")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_vocabulary()), pad_token="<pad>", unk_token="<unk>",
        additional_special_tokens=list(SPECIAL), chat_template=kept or None,
    )  # fmt: skip
    tokenizer.eos_token = ENDS[0]
    return tokenizer


@functools.cache
def _vocabulary() -> str:
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1600, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    spaced = (
        [f" {word}" for word in WORDS.split()] + WORDS.split() + ['{"User Safety": "unsafe"}', "<score> no </score>"]
    )
    texts = [templates.llama_guard_3(), templates.QWEN_GUARD, templates.GRANITE_32, templates.shield_gemma()]
    texts += [nemo_guard._TASK, nemo_guard._FORMAT, *CODES["nemo-guard"], wild_guard.INPUT_FORMAT]
    made.train_from_iterator([*spaced * 4, *texts], trainer)
    return str(made.to_str())


def model_of(kind: str, vocabulary: int, *, seed: int = 3, **more: Any) -> Any:
    """A model with random weights."""
    torch.manual_seed(seed)
    ends = [SPECIAL.index(end) for end in ENDS]
    shape: dict[str, Any] = {**_SHAPE, "vocab_size": vocabulary, "eos_token_id": ends, **more}
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig(**shape))
    if kind == "mistral":
        return MistralForCausalLM(MistralConfig(**shape, head_dim=8, sliding_window=None))
    if kind == "gemma2":
        return Gemma2ForCausalLM(Gemma2Config(**{"sliding_window": 1024, **shape}, head_dim=8))
    if kind == "granite":
        return GraniteForCausalLM(GraniteConfig(**shape))
    if kind == "qwen3":
        return Qwen3ForCausalLM(Qwen3Config(**shape, head_dim=8))
    text = Llama4TextConfig(
        **shape, head_dim=8, intermediate_size_mlp=64, num_local_experts=2, moe_layers=[], attention_chunk_size=1024
    )
    seen = Llama4VisionConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vision_output_dim=16,
        image_size=28, patch_size=14, projector_input_dim=16, projector_output_dim=16,
    )  # fmt: skip
    return Llama4ForConditionalGeneration(Llama4Config(text_config=text, vision_config=seen))


def checkpoint(
    template: str, kind: str = "llama", *, seed: int = 3, batch: int = 8, keep_prefixes: bool = True, **more: Any
) -> Checkpoint:
    """A random checkpoint with a guard's template."""
    tokenizer = tokenizer_with(template)
    model = model_of(kind, len(tokenizer), seed=seed, **more)
    return held(model, tokenizer, batch=batch, keep_prefixes=keep_prefixes)


def held(
    model: Any, tokenizer: Any, *, batch: int = 8, keep_prefixes: bool = True, context: int = CONTEXT
) -> Checkpoint:
    """Model and tokenizer as an engine."""
    renders = Template(tokenizer, context=context)
    return Checkpoint(model, renders, version="made", batch=batch, keep_prefixes=keep_prefixes)


def classifier(*, seed: int = 3) -> tuple[Any, Any]:
    """A random DeBERTa with two labels, and its tokenizer."""
    with warnings.catch_warnings():
        # It is scripted when it is imported, and torch would have it otherwise.
        warnings.simplefilter("ignore", DeprecationWarning)
        from transformers import DebertaV2Config, DebertaV2ForSequenceClassification
    tokenizer = tokenizer_with("")
    torch.manual_seed(seed)
    config = DebertaV2Config(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=512, num_labels=2, initializer_range=0.5, relative_attention=True,
        position_buckets=32, id2label={0: "LABEL_0", 1: "LABEL_1"},
    )  # fmt: skip
    return DebertaV2ForSequenceClassification(config).eval(), tokenizer


def taught(model: Any, tokenizer: Any, lessons: Sequence[tuple[str, str]], *, steps: int = 30) -> Any:
    """Teach a tiny model to answer prompts, by heart."""
    torch.manual_seed(5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    rows = [
        (tokenizer.encode(p, add_special_tokens=False), tokenizer.encode(a, add_special_tokens=False))
        for p, a in lessons
    ]
    longest = max(len(p) + len(a) for p, a in rows)
    tokens = torch.tensor([[*p, *a, *[0] * (longest - len(p) - len(a))] for p, a in rows])
    labels = torch.tensor(
        [[*[-100] * len(p), *a, *[-100] * (longest - len(p) - len(a))] for p, a in rows]
    )  # fmt: skip
    model.train()
    for _ in range(steps):
        model(input_ids=tokens, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def first_token(held_: Checkpoint, prompt: str, then: str = "") -> torch.Tensor:
    """What plain generation gives the first position after a prompt and what is written after it, (vocabulary,)."""
    tokenizer = held_.render.tokenizer
    ids = [token for text in (prompt, then) for token in tokenizer.encode(text, add_special_tokens=False)]
    tokens = torch.tensor([ids])
    made = held_.model.generate(
        input_ids=tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=1, do_sample=False,
        output_scores=True, return_dict_in_generate=True,
    )  # fmt: skip
    return torch.softmax(made.scores[0][0].float(), dim=-1)


def chance_when_written(held_: Checkpoint, prompt: str, word: str) -> float:
    """What plain generation gave a word when it wrote it."""
    tokens = torch.tensor([held_.render.tokenizer.encode(prompt, add_special_tokens=False)])
    made = held_.model.generate(
        input_ids=tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=8, do_sample=False,
        output_scores=True, return_dict_in_generate=True,
    )  # fmt: skip
    place = made.sequences[0, tokens.shape[1] :].tolist().index(token(held_, word))
    return chances(held_, torch.softmax(made.scores[place][0].float(), dim=-1), word)[0]


def written(held_: Checkpoint, prompt: str, *, most: int = 32) -> str:
    """What plain generation writes after a prompt."""
    tokens = torch.tensor([held_.render.tokenizer.encode(prompt, add_special_tokens=False)])
    made = held_.model.generate(
        input_ids=tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=most, do_sample=False
    )
    return str(held_.render.tokenizer.decode(made[0, tokens.shape[1] :], skip_special_tokens=True))


def chances(held_: Checkpoint, first: torch.Tensor, *words: str, spelled: bool = False) -> list[float]:
    """What a distribution gives the words, told by each token's text: its beginning, or with `spelled` the word."""
    found = []
    for word in words:
        texts = enumerate(held_.render.tokenizer.decode([at]).strip() for at in range(len(first)))
        if spelled:
            found.append(sum(float(first[at]) for at, text in texts if text.lower() == word))
        else:
            found.append(sum(float(first[at]) for at, text in texts if text and word.startswith(text)))
    return found


def token(held_: Checkpoint, text: str) -> int:
    """The one token of a text."""
    (found,) = held_.render.tokenizer.encode(text, add_special_tokens=False)
    return int(found)


def rendered(held_: Checkpoint, conversation: Sequence[Turn], **arguments: object) -> str:
    """A prompt as transformers renders it, without any code of ours."""
    return rendered_by(held_.render.tokenizer, conversation, **arguments)


def rendered_by(tokenizer: Any, conversation: Sequence[Turn], **arguments: object) -> str:
    """A prompt as a tokenizer renders it."""
    messages = [{"role": turn.role, "content": turn.text} for turn in conversation]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **arguments))


def subject_of(conversation: Sequence[Turn]) -> Subject:
    """A recorded call."""
    messages = [Message(role=turn.role, content=turn.text) for turn in conversation]
    output = messages.pop() if messages[-1].role == "assistant" else None
    answer = output.text if output else ""
    return Subject(prompt=messages[-1].text, answer=answer, messages=tuple(messages), output=output)
