"""A judge of pairs is asked in both orders."""

import json
from collections.abc import Sequence

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.gate_policy import PairwiseJudge
from schemas.inference import Message
from services.scorers.remote.pairs import Better
from tests.fixtures.http import Served
from training.judging.texts.pairwise import EndpointComparer, Pairing, win_rates


def pairing(first: str, second: str) -> Pairing:
    asked = (Message(role="user", content="Which?"),)
    return Pairing(asked, Message(role="assistant", content=first), Message(role="assistant", content=second))


class _Longer:
    """Prefers the longer answer; of equal ones the first."""

    def __init__(self) -> None:
        self.asked = 0

    def compare(self, pairings: Sequence[Pairing]) -> list[Better]:
        self.asked += len(pairings)
        return ["first" if len(p.first.text) >= len(p.second.text) else "second" for p in pairings]


def test_who_wins_in_both_orders_wins_and_a_preference_for_a_place_is_a_tie() -> None:
    rates = win_rates(_Longer(), [pairing("longer", "short"), pairing("short", "longer"), pairing("same", "size")])
    assert rates.tolist() == [1.0, 0.0, 0.5]


def test_nobody_is_asked_about_answers_that_are_the_same() -> None:
    comparer = _Longer()
    assert win_rates(comparer, [pairing("a", "a")]).tolist() == [0.5]
    assert comparer.asked == 0


def _judge(said: str) -> Starlette:
    async def complete(request: Request) -> Response:
        body = await request.json()
        quoted = json.loads(body["messages"][1]["content"])
        longer = "first" if len(quoted["first"]) > len(quoted["second"]) else "second"
        return JSONResponse({"choices": [{"message": {"content": said or longer}}]})

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


@pytest.mark.parametrize(("said", "rate"), [("", 1.0), ("First.", 0.5), ("I think first is better", 0.5), ("tie", 0.5)])
def test_an_endpoint_judges_and_what_is_no_word_of_the_three_is_a_tie(said: str, rate: float) -> None:
    with Served(_judge(said)) as served:
        comparer = EndpointComparer(PairwiseJudge(url=f"{served.url}/v1", model="m"), {})
        assert win_rates(comparer, [pairing("much longer", "short")]).tolist() == [rate]


def test_an_endpoint_that_does_not_answer_makes_ties() -> None:
    comparer = EndpointComparer(PairwiseJudge(url="http://127.0.0.1:9/v1", model="m", timeout_s=1), {})
    assert win_rates(comparer, [pairing("a", "b")]).tolist() == [0.5]


def test_what_is_quoted_cannot_pass_for_what_stands_around_it() -> None:
    quoted = json.loads(pairing('"}, "second": "', "x").quoted())
    assert quoted["first"] == '"}, "second": "'


def test_a_judge_names_one_address() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        PairwiseJudge(model="m")
