"""A judge behind a real endpoint: both orders, and what it does not say clearly is nobody's loss."""

import json
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from schemas.rollout_policy import PairJudge
from schemas.scoring import Endpoint
from services.rollout.evidence.compared import Outcome
from services.rollout.pairwise.asking import PairAsker, unset
from services.rollout.pairwise.watches import AnsweredTwice, Watch
from tests.fixtures.http import Served
from tests.services.rollout.builders import APP, at


class Judge:
    """Answers with what `says` makes of the quoted pair."""

    def __init__(self) -> None:
        self.says: Callable[[dict[str, str]], str | None] = lambda quoted: "tie"
        self.status = 200
        self.asked: list[tuple[str, dict[str, object]]] = []

    @property
    def application(self) -> Starlette:
        """The endpoint."""

        async def complete(request: Request) -> Response:
            body = await request.json()
            self.asked.append((request.headers.get("authorization", ""), body))
            if self.status != 200:
                return PlainTextResponse("no", self.status)
            word = self.says(json.loads(body["messages"][1]["content"]))
            return JSONResponse({"choices": [{"message": {"role": "assistant", "content": word}}]})

        return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def kinder(quoted: dict[str, str]) -> str:
    """Prefer the answer that is marked as kind, wherever it stands."""
    kind = [place for place in ("first", "second") if "kind" in quoted[place]]
    return kind[0] if len(kind) == 1 else "tie"


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def url(judge: Judge) -> Iterator[str]:
    with Served(judge.application) as served:
        yield f"{served.url}/v1"


def policy(url: str) -> PairJudge:
    return PairJudge(endpoint=Endpoint(form="judge", url=url, model="judge-1", rubric="The kinder.", key_env="KEY"))


def outcome(url: str, candidate: str, stable: str) -> Outcome:
    watch = Watch(APP, "r", "v2", "v1", at(0), policy(url), 10)
    pair = AnsweredTwice(watch, "request-1", (("user", "hello"),), candidate, stable)
    return PairAsker(policy(url).endpoint, {"KEY": "sk-1"}).outcome(pair)


def test_the_better_answer_wins_wherever_it_stands(judge: Judge, url: str) -> None:
    judge.says = kinder
    assert outcome(url, "kind", "rude") is Outcome.WON
    assert outcome(url, "rude", "kind") is Outcome.LOST
    assert outcome(url, "kind", "kind too") is Outcome.TIED


def test_the_judge_is_shown_conversation_and_both_orders_and_told_the_rubric(judge: Judge, url: str) -> None:
    outcome(url, "ours", "theirs")
    (key, first), (_, second) = judge.asked
    messages = first["messages"]
    assert isinstance(messages, list)
    assert (key, first["model"], first["temperature"]) == ("Bearer sk-1", "judge-1", 0)
    assert messages[0]["content"].startswith("The kinder.")
    shown = [json.loads(body["messages"][1]["content"]) for body in (first, second)]  # type: ignore[index]  # JSON
    assert [(one["first"], one["second"]) for one in shown] == [("ours", "theirs"), ("theirs", "ours")]
    assert shown[0]["conversation"] == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_judge_that_goes_by_the_place_contradicts_itself_and_that_is_a_tie(
    judge: Judge, url: str, place: str
) -> None:
    judge.says = lambda quoted: place
    assert outcome(url, "rude", "kind") is Outcome.TIED


@pytest.mark.parametrize("word", ["First", " second.\n", '"tie"'])
def test_a_word_is_taken_however_it_is_written(judge: Judge, url: str, word: str) -> None:
    judge.says = lambda quoted: word
    assert outcome(url, "ours", "theirs") is Outcome.TIED


@pytest.mark.parametrize("word", ["both are fine", "", None])
def test_an_answer_that_is_no_word_is_no_judgement(judge: Judge, url: str, word: str | None) -> None:
    judge.says = lambda quoted: word
    assert outcome(url, "ours", "theirs") is Outcome.UNJUDGED


def test_an_endpoint_that_fails_or_is_away_is_no_judgement(judge: Judge, url: str) -> None:
    judge.status = 503
    assert outcome(url, "ours", "theirs") is Outcome.UNJUDGED
    assert outcome("http://127.0.0.1:9/v1", "ours", "theirs") is Outcome.UNJUDGED


def test_an_endpoint_says_which_variable_is_not_set() -> None:
    endpoint = policy("http://judge/v1").endpoint
    assert (unset(endpoint, {}), unset(endpoint, {"KEY": "sk-1"})) == ("KEY", "")
