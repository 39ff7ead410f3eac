"""The `openai` client through a gateway: it gets what it gets from the upstream itself, and the record has it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel

from schemas.inference import InferenceResponded
from tests.fixtures.waiting import PATIENCE_S, more_than, until
from tests.services.gateway.conftest import APP
from tests.services.gateway.stub_api import BASE, FORMED, TEXT, TOOL, VECTOR, Fronted, fronted

ASKED: Any = [{"role": "user", "content": "How is the weather?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]


class Weather(BaseModel):
    """The form that a parsed answer has."""

    city: str
    degrees: int


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    with fronted(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """By which a test finds its calls on the record."""
    return str(request.node.name)


def options(url: str, session: str) -> Any:
    return {
        "api_key": "sk-test",
        "base_url": f"{url}/v1",
        "max_retries": 0,
        "timeout": PATIENCE_S,
        "default_headers": {"x-session-id": session},
    }


@pytest.fixture
def client(gateway: Fronted, session: str) -> Iterator[OpenAI]:
    with OpenAI(**options(gateway.url, session)) as opened:
        yield opened


@pytest.fixture
def straight(gateway: Fronted) -> Iterator[OpenAI]:
    with OpenAI(**options(gateway.straight, "")) as opened:
        yield opened


def readdressed(answer: BaseModel, like: Any) -> dict[str, Any]:
    """An answer's fields with the id, and the model's name, that another has."""
    return answer.model_dump() | {"id": like.id, "model": like.model}


def costs(answered: InferenceResponded) -> tuple[int, int, int, int]:
    usage = answered.usage
    return usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens


def test_a_chat(gateway: Fronted, client: OpenAI, straight: OpenAI, session: str) -> None:
    answer = client.chat.completions.create(model=APP, messages=ASKED, temperature=0.5, max_completion_tokens=9)
    asked, answered = gateway.only_call(session)
    assert readdressed(straight.chat.completions.create(model=BASE, messages=ASKED), answer) == answer.model_dump()
    assert (answer.id, answer.model, answer.choices[0].message.content) == (asked.request_id, APP, TEXT)
    assert (asked.prompt, asked.sampling.temperature, asked.sampling.max_tokens) == ("How is the weather?", 0.5, 9)
    assert (answered.answer, answered.finish_reason, costs(answered)) == (TEXT, "stop", (12, 4, 7, 3))


def test_a_streamed_chat(gateway: Fronted, client: OpenAI, straight: OpenAI, session: str) -> None:
    usage: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=APP, messages=ASKED, stream=True, stream_options=usage))
    others = list(straight.chat.completions.create(model=BASE, messages=ASKED, stream=True, stream_options=usage))
    asked, answered = gateway.only_call(session)
    assert [readdressed(chunk, chunks[0]) for chunk in others] == [chunk.model_dump() for chunk in chunks]
    assert chunks[0].id == asked.request_id
    assert (asked.sampling.stream, answered.answer, costs(answered)) == (True, TEXT, (12, 4, 7, 3))
    assert answered.ttft_ms is not None


async def test_many_chats_at_once(gateway: Fronted, session: str) -> None:
    async with AsyncOpenAI(**options(gateway.url, session)) as client:

        async def streamed() -> str:
            stream = await client.chat.completions.create(model=APP, messages=ASKED, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

        whole = [client.chat.completions.create(model=APP, messages=ASKED) for _ in range(5)]
        answers, texts = await asyncio.gather(asyncio.gather(*whole), asyncio.gather(*(streamed() for _ in range(5))))
    assert [answer.choices[0].message.content for answer in answers] + texts == [TEXT] * 10
    assert [answered.answer for _, answered in gateway.calls(session)] == [TEXT] * 10


@pytest.mark.parametrize("streams", [False, True])
def test_a_tool_call_and_its_result(gateway: Fronted, client: OpenAI, session: str, streams: bool) -> None:
    if streams:
        with client.chat.completions.stream(model=APP, messages=ASKED, tools=TOOLS) as stream:
            message: Any = stream.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(model=APP, messages=ASKED, tools=TOOLS).choices[0].message
    (call,) = message.tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", TOOL["name"], TOOL["arguments"])
    result = {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}
    history = [*ASKED, {"role": "assistant", "tool_calls": [call.model_dump(exclude={"index"})]}, result]
    assert client.chat.completions.create(model=APP, messages=history, tools=TOOLS).choices[0].message.content == TEXT
    (_, first), (asked, second) = gateway.calls(session)
    assert first.output is not None
    assert (first.output.tool_calls[0].arguments, first.finish_reason) == (TOOL["arguments"], "tool_calls")
    assert asked.messages[1].tool_calls == first.output.tool_calls
    assert (asked.messages[2].tool_call_id, asked.messages[2].text, second.answer) == ("call_1", "21 degrees", TEXT)


def test_a_parsed_answer(gateway: Fronted, client: OpenAI, session: str) -> None:
    answer = client.chat.completions.parse(model=APP, messages=ASKED, response_format=Weather)
    assert answer.choices[0].message.parsed == Weather(city="Paris", degrees=21)
    assert gateway.only_call(session)[1].answer == FORMED


def test_a_parsed_answer_in_a_stream(gateway: Fronted, client: OpenAI, session: str) -> None:
    with client.chat.completions.stream(model=APP, messages=ASKED, response_format=Weather) as stream:
        parsed = [event.parsed for event in stream if event.type == "content.done"]
    assert parsed == [Weather(city="Paris", degrees=21)]
    assert gateway.only_call(session)[1].answer == FORMED


def test_a_response(gateway: Fronted, client: OpenAI, straight: OpenAI, session: str) -> None:
    answer = client.responses.create(model=APP, input="How is the weather?", instructions="Be brief.")
    other = straight.responses.create(model=BASE, input="How is the weather?")
    asked, answered = gateway.only_call(session)
    assert readdressed(other, answer) == answer.model_dump()
    assert (answer.output_text, answer.id.partition(".")[0]) == (TEXT, asked.request_id)
    assert [message.text for message in asked.messages] == ["Be brief.", "How is the weather?"]
    assert (answered.answer, costs(answered)) == (TEXT, (12, 4, 7, 3))


def test_a_streamed_response(gateway: Fronted, client: OpenAI, straight: OpenAI, session: str) -> None:
    with client.responses.stream(model=APP, input="How is the weather?") as stream:
        kinds = [event.type for event in stream]
        whole = stream.get_final_response()
    others = straight.responses.create(model=BASE, input="How is the weather?", stream=True)
    assert [kind for kind in kinds if kind != "response.output_text.delta"] == [
        event.type for event in others if event.type != "response.output_text.delta"
    ]
    asked, answered = gateway.only_call(session)
    assert (whole.output_text, whole.id.partition(".")[0]) == (TEXT, asked.request_id)
    assert (answered.answer, costs(answered), asked.sampling.stream) == (TEXT, (12, 4, 7, 3), True)


def test_embeddings(gateway: Fronted, client: OpenAI, session: str) -> None:
    """The client asks for base64 and unpacks it."""
    answer = client.embeddings.create(model=APP, input=["one", "two"])
    asked, answered = gateway.only_call(session)
    assert [item.embedding for item in answer.data] == [list(VECTOR)] * 2
    assert ([message.text for message in asked.messages], answered.usage.input_tokens) == (["one", "two"], 5)


def test_a_text_completion(gateway: Fronted, client: OpenAI, session: str) -> None:
    answer = client.completions.create(model=APP, prompt="Once upon a time")
    asked, answered = gateway.only_call(session)
    assert (answer.choices[0].text, answer.id) == (TEXT, asked.request_id)
    assert (asked.messages[0].text, answered.answer, costs(answered)) == ("Once upon a time", TEXT, (12, 4, 7, 3))


def test_azures_client(gateway: Fronted, session: str) -> None:
    given = options(gateway.url, session) | {"api_version": "2024-10-21", "azure_endpoint": gateway.url}
    del given["base_url"]
    with AzureOpenAI(**given) as client:
        answer = client.chat.completions.create(model=APP, messages=ASKED)
        chunks = client.chat.completions.create(model=APP, messages=ASKED, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert (answer.model, answer.choices[0].message.content, text) == (APP, TEXT, TEXT)
    assert [answered.answer for _, answered in gateway.calls(session)] == [TEXT, TEXT]


def test_the_headers_of_an_answer(gateway: Fronted, client: OpenAI, session: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=APP, messages=ASKED)
    asked, _ = gateway.only_call(session)
    assert (raw.headers["x-request-id"], raw.request_id) == ("req-1", "req-1")
    assert raw.headers["x-driftloop-request-id"] == raw.parse().id == asked.request_id


@pytest.mark.parametrize(
    ("status", "error", "recorded"),
    [
        (400, openai.BadRequestError, "400"),
        (401, openai.AuthenticationError, "401"),
        (404, openai.NotFoundError, "model_not_found"),
        (422, openai.UnprocessableEntityError, "422"),
        (429, openai.RateLimitError, "429"),
        (500, openai.InternalServerError, "500"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal(
    gateway: Fronted,
    client: OpenAI,
    session: str,
    status: int,
    error: type[openai.APIStatusError],
    recorded: str,
    stream: bool,
) -> None:
    messages: Any = [{"role": "user", "content": f"status:{status}"}]
    with pytest.raises(error) as refused:
        client.chat.completions.create(model=APP, messages=messages, stream=stream)
    assert (refused.value.code, refused.value.type) == ("ordered", "ordered_error")
    assert refused.value.response.headers["retry-after"] == "7"
    assert refused.value.request_id == "req-2"
    answered = gateway.only_call(session)[1]
    assert (answered.error_type, answered.upstream_error_type) == (recorded, "ordered_error")
    assert (answered.error_message, answered.output) == ("as ordered", None)


def test_a_refusal_that_is_no_json(gateway: Fronted, client: OpenAI, session: str) -> None:
    with pytest.raises(openai.InternalServerError) as refused:
        client.chat.completions.create(model=APP, messages=[{"role": "user", "content": "html"}])
    assert (refused.value.status_code, refused.value.body) == (502, "<html>Bad Gateway</html>")
    assert gateway.only_call(session)[1].error_type == "502"


def test_an_app_that_nobody_knows(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="nobody", messages=ASKED)
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


def test_a_client_that_leaves_in_the_middle(gateway: Fronted, client: OpenAI, session: str) -> None:
    before = gateway.upstream.abandoned
    with client.chat.completions.create(
        model=APP, messages=[{"role": "user", "content": "held"}], stream=True
    ) as stream:
        seen = [next(stream).choices[0].delta.content for _ in range(3)]
    answered = gateway.only_call(session)[1]
    assert (answered.finish_reason, answered.error_type) == ("client_disconnected", "")
    assert answered.answer.startswith("".join(text or "" for text in seen))
    until(lambda: gateway.upstream.abandoned, more_than(before))


def test_the_apps_are_listed_as_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [APP]
