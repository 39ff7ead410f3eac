"""What is learnt is encoded as what is served, with one end mark, and tool calls in a form that a server can read."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from schemas.inference import ContentPart, Message, ToolCall, ToolDeclared
from services.models.base import load_tokenizer
from services.models.choices import prompt_ids
from services.models.conversations import answer_tokens, chat_of, prompt_tokens, spoken
from services.models.tools import Tool

CALL = ToolCall(id="c1", name="search", arguments='{"query": "bread"}')
CHAT = (
    Message(role="developer", content="Is this request safe or unsafe?"),
    Message(role="user", content=(ContentPart(type="text", text="how do i"), ContentPart(type="text", text="bread"))),
    Message(role="assistant", tool_calls=(CALL,)),
    Message(role="tool", content="bread recipe", tool_call_id="c1"),
    Message(role="user", content="garden"),
)
SEARCH = ToolDeclared(name="search", schema='{"type": "object", "properties": {"query": {"type": "string"}}}')
KNOWS_TOOLS = (
    "{% for t in tools or [] %}<|im_start|> system {{ t.function.name }} {{ t.function.parameters.type }} <|im_end|> "
    "{% endfor %}{% for m in messages %}<|im_start|> {{ m.role }} {{ m.content }}"
    "{% for c in m.tool_calls or [] %} {{ c.function.name }} {{ c.function.arguments.query }}{% endfor %} <|im_end|> "
    "{% endfor %}{% if add_generation_prompt %}<|im_start|> assistant {% endif %}"
)


@pytest.fixture
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(tiny_model)


def test_a_plain_conversation_is_encoded_as_the_server_encodes_it(tokenizer: PreTrainedTokenizerBase) -> None:
    as_served = [{"role": "system", "content": CHAT[0].text}, {"role": "user", "content": "how do i\nbread"}]
    assert prompt_tokens(tokenizer, CHAT[:2]) == prompt_ids(tokenizer, as_served)


def test_prompt_and_answer_are_what_the_template_makes_of_both(tokenizer: PreTrainedTokenizerBase) -> None:
    answer = Message(role="assistant", content="garden recipe")
    ends = {tokenizer.eos_token_id}
    learnt = prompt_tokens(tokenizer, CHAT) + answer_tokens(tokenizer, CHAT, answer, ends=ends)
    whole = tokenizer.apply_chat_template(chat_of(tokenizer, [*CHAT, answer]), tokenize=True, return_dict=False)
    assert learnt == whole


def test_an_answer_has_one_end_mark_and_nothing_after_it(tokenizer: PreTrainedTokenizerBase) -> None:
    ends = {tokenizer.eos_token_id}
    for content in ("garden", "garden <|im_end|> recipe", ""):
        ids = answer_tokens(tokenizer, CHAT[:2], Message(role="assistant", content=content), ends=ends)
        assert [token in ends for token in ids] == [False] * (len(ids) - 1) + [True]


def test_an_answer_ends_also_where_the_template_ends_none(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}"
    ids = answer_tokens(tokenizer, CHAT[:2], Message(role="assistant", content="garden"), ends={3})
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(ids[:-1]).endswith("garden")


def test_a_template_without_tools_gets_calls_as_hermes_writes_them(tokenizer: PreTrainedTokenizerBase) -> None:
    text = '<tool_call>\n{"name":"search","arguments":{"query":"bread"}}\n</tool_call>'
    assert spoken(CHAT[2]) == text
    assert chat_of(tokenizer, CHAT)[2] == {"role": "assistant", "content": text}
    assert spoken(Message(role="assistant", content="well", tool_calls=(CALL,))) == f"well\n{text}"
    assert prompt_tokens(tokenizer, CHAT, [SEARCH]) == prompt_tokens(tokenizer, CHAT)


def test_a_template_with_tools_gets_them_as_vllm_hands_them_over(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = KNOWS_TOOLS
    function = {"name": "search", "arguments": {"query": "bread"}}
    assert chat_of(tokenizer, CHAT)[2]["tool_calls"] == [{"id": "c1", "type": "function", "function": function}]
    assert chat_of(tokenizer, CHAT)[3]["tool_call_id"] == "c1"
    declared = tokenizer.decode(prompt_tokens(tokenizer, CHAT, [SEARCH]))
    assert len(declared) > len(tokenizer.decode(prompt_tokens(tokenizer, CHAT)))
    assert prompt_tokens(tokenizer, CHAT, [Tool("search", "", {"type": "object"})]) == prompt_tokens(
        tokenizer, CHAT, [SEARCH]
    )
    called = Message(role="assistant", tool_calls=(CALL,))
    ids = answer_tokens(tokenizer, CHAT[:2], called, tools=[SEARCH], ends={tokenizer.eos_token_id})
    assert "bread" in tokenizer.decode(ids)


def test_a_description_reaches_a_template_that_knows_tools(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = "{% for t in tools %}{{ t.function.description }}{% endfor %}"
    assert tokenizer.decode(prompt_tokens(tokenizer, CHAT, [Tool("search", "garden recipe")])) == "garden recipe"
    assert prompt_tokens(tokenizer, CHAT, [SEARCH]) == []


def test_arguments_that_are_no_json_stay_as_they_were_written() -> None:
    broken = Message(role="assistant", tool_calls=(ToolCall(id="1", name="search", arguments="{bread"),))
    assert '"arguments":"{bread"' in spoken(broken)
