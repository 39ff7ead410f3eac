"""Guard models: scores equal what generation gives, on a tiny random Llama made on the spot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from schemas.inference import Message
from services.scorers.llama_guard import Checkpoint, LlamaGuard, ShieldGemma, WildGuard, parse_categories

PLAIN = (
    "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{% endfor %}"
    "{% if categories %}{{ categories.values() | join(' ') }}{% endif %}{{ guideline }}[verdict]"
)
PARTS = (
    "{% for m in messages %}[{{ m['role'] }}] {% for p in m['content'] | selectattr('type', 'equalto', 'text') %}"
    "{{ p['text'] }}{% endfor %}{% endfor %}[verdict]"
)
WORDS = (
    "safe unsafe Yes No yes no hello how do I bake bread build a bomb "
    "S1 S2 , user assistant verdict [ ] \n : violence fraud"
)
CHATS = [
    (Message(role="user", content="how do I bake bread"),),
    (Message(role="user", content="hello"), Message(role="assistant", content="build a bomb how do I build a bomb")),
    (Message(role="user", content="bomb"),),
]


def tokenizer_with(template: str) -> Any:
    words = Tokenizer(models.WordLevel(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|\n+|[^\w\s]"), behavior="removed", invert=True)
    trainer = trainers.WordLevelTrainer(special_tokens=["<pad>", "<unk>", "</s>"], show_progress=False)
    words.train_from_iterator([*WORDS.split(" "), "Harmful request: Response refusal: Response harmful:"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="</s>", chat_template=template
    )


def tiny_checkpoint(template: str = PLAIN, *, seed: int = 3) -> Checkpoint:
    tokenizer = tokenizer_with(template)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=128, initializer_range=0.3, pad_token_id=0, eos_token_id=2, bos_token_id=1,
    )  # fmt: skip
    return Checkpoint(LlamaForCausalLM(config), tokenizer)


def test_the_score_is_what_generation_gives_its_first_position() -> None:
    checkpoint = tiny_checkpoint()
    guard = LlamaGuard(checkpoint)
    blank = checkpoint.leading_blank(checkpoint.render(CHATS[0]))
    unsafe = checkpoint.tokenizer.convert_tokens_to_ids("unsafe")

    scores = guard.score(CHATS)

    for chat, score in zip(CHATS, scores, strict=True):
        inputs = checkpoint.tokenizer([checkpoint.render(chat) + blank], return_tensors="pt", add_special_tokens=False)
        made = checkpoint.model.generate(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=1, do_sample=False,
            output_scores=True, return_dict_in_generate=True,
        )  # fmt: skip
        assert score == pytest.approx(float(torch.softmax(made.scores[0][0], -1)[unsafe]), abs=1e-5)


def test_padding_beside_longer_conversations_changes_no_score() -> None:
    guard = LlamaGuard(tiny_checkpoint())

    np.testing.assert_allclose(guard.score(CHATS), [guard.score([chat])[0] for chat in CHATS], atol=1e-5)


def test_blank_that_the_model_writes_first_is_put_before_the_score() -> None:
    checkpoint = tiny_checkpoint()
    newline = checkpoint.tokenizer.convert_tokens_to_ids("\n")
    prompt = checkpoint.render(CHATS[0])
    with torch.no_grad():
        last = checkpoint.model.model(torch.tensor([checkpoint.tokenizer.encode(prompt)])).last_hidden_state[0, -1]
        checkpoint.model.lm_head.weight[newline] = last * 10

    assert checkpoint.leading_blank(prompt).startswith("\n")


def test_a_template_that_reads_parts_gets_parts() -> None:
    assert "bake bread" in tiny_checkpoint(PARTS).render(CHATS[0])
    assert "bake bread" in tiny_checkpoint(PLAIN).render(CHATS[0])


def test_own_categories_reach_the_template() -> None:
    assert "fraud" in tiny_checkpoint().render(CHATS[0], categories={"S2": "fraud"})
    assert len(LlamaGuard(tiny_checkpoint(), categories={"S2": "fraud"}).score(CHATS)) == 3


def test_categories_are_decoded_for_what_reaches_the_threshold_only() -> None:
    checkpoint = tiny_checkpoint()
    calls: list[str] = []

    def written(prompt: str) -> str:
        calls.append(prompt)
        return "\nS1,S2"

    checkpoint.continuation = written  # type: ignore[method-assign]  # what a random model writes is no category
    strict, lax = LlamaGuard(checkpoint, threshold=1.0), LlamaGuard(checkpoint, threshold=0.0)

    assert {verdict.categories for verdict in strict.judge(CHATS)} == {()}
    assert not calls
    assert {verdict.categories for verdict in lax.judge(CHATS)} == {("S1", "S2")}


@pytest.mark.parametrize(
    ("answer", "codes"),
    [
        ("safe", ()),
        ("\n\nunsafe\nS1,S10", ("S1", "S10")),
        ("unsafe", ()),
        ("unsafe\n S9 , S2 \nmore", ("S9", "S2")),
        ("safe\nS1", ()),
        ("", ()),
    ],
)
def test_categories_are_read_from_the_second_line(answer: str, codes: tuple[str, ...]) -> None:
    assert parse_categories(answer) == codes


def test_words_that_begin_alike_are_refused() -> None:
    checkpoint = tiny_checkpoint()

    with pytest.raises(ValueError, match="alike"):
        checkpoint.next_words([checkpoint.render(CHATS[0])], ("zebra", "xylophone"))


def test_shield_gemma_names_the_policies_that_are_violated() -> None:
    guard = ShieldGemma(tiny_checkpoint(), policies=("violence", "fraud"), threshold=0.0)

    verdicts = guard.judge(CHATS)

    assert all(verdict.categories == ("violence", "fraud") for verdict in verdicts)
    assert all(0 <= verdict.probability <= 1 for verdict in verdicts)


def test_wild_guard_asks_the_third_line_where_there_is_a_response() -> None:
    checkpoint = tiny_checkpoint()
    asked: list[str] = []
    original = checkpoint.next_words

    def next_words(prompts: Any, words: Any) -> Any:
        asked.extend(prompts)
        return original(prompts, words)

    checkpoint.next_words = next_words  # type: ignore[method-assign]  # only listens
    guard = WildGuard(checkpoint, prompt_format="user : {prompt} assistant : {response} verdict ")

    guard.judge("how {response} do I")
    assert [text.rsplit("verdict ")[-1] for text in asked] == ["Harmful request:"]
    assert "how {response} do I" in asked[0]
    guard.judge("hello", "build a bomb")
    assert asked[-1].endswith("Response harmful:")


def test_a_checkpoint_folder_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    made = tiny_checkpoint()
    made.model.save_pretrained(tmp_path)
    made.tokenizer.save_pretrained(tmp_path)

    loaded = Checkpoint.load(tmp_path)

    np.testing.assert_allclose(LlamaGuard(loaded).score(CHATS), LlamaGuard(made).score(CHATS), atol=1e-6)
