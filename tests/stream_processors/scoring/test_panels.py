"""Panels: one message a call, which calls a scorer sees, and what becomes of one that fails."""

from collections.abc import Sequence
from typing import Any

import pytest

from schemas.inference import InferenceResponded, Message
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.record import Variant
from services.scorers.contract import Card, CostClass, Measure, Score, Side, Subject, unjudged
from stream_processors.scoring.panels import Panel, Seat
from stream_processors.scoring.sampling import Judged, evenly, lot
from tests.stream_processors.observed import response


class Length:
    """Measures texts by their length; an empty one can't be judged."""

    def __init__(self, name: str, side: Side = "prompt", cost: CostClass = "cheap", version: str = "1") -> None:
        kinds = ("prompt", "response") if side == "pair" else (side,)
        measures = tuple(Measure(name=f"{kind}.{name}", unit="characters", direction="neither") for kind in kinds)
        self.card = Card(
            name=name, version=version, side=side, measures=measures, cost=cost, source="counting", blind_spots="words"
        )
        self.seen: list[Subject] = []

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        self.seen += subjects
        return [self._row(subject) for subject in subjects]

    def _row(self, subject: Subject) -> tuple[Score, ...]:
        texts = {"prompt": subject.prompt, "response": subject.answer}
        return tuple(
            Score(m.name, float(len(text))) if (text := texts[m.name.partition(".")[0]]) else absent
            for m, absent in zip(self.card.measures, unjudged(self.card, "no text"), strict=True)
        )


class Failing(Length):
    """Raises with a text of the call in its message."""

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        raise RuntimeError(subjects[0].prompt)


def panel(*scorers: Length, share: float = 1.0, **other: Any) -> Panel:
    return Panel("safety", [Seat(scorer, share) for scorer in scorers], **other)


def by_request(messages: Sequence[ScoresRecorded]) -> dict[str, dict[str, RecordedScore]]:
    return {message.request_id: {score.name: score for score in message.scores} for message in messages}


def calls(count: int) -> list[InferenceResponded]:
    return [response(number, prompt="x" * (number + 1)) for number in range(count)]


def test_the_scores_of_a_call_are_one_message_with_the_series_of_the_call() -> None:
    (message,) = panel(Length("a"), Length("b", "response")).score([response(1, prompt="four", answer="seven!!")])

    assert [(s.name, s.value, s.scorer) for s in message.scores] == [
        ("prompt.a", 4.0, "a@1"),
        ("response.b", 7.0, "b@1"),
    ]
    assert (message.request_id, message.adapter_version) == ("r1", "prompt-guard-v1")
    assert message.occurred_at == response(1).occurred_at
    assert all(score.latency_ms >= 0 for score in message.scores)


def test_a_call_read_twice_makes_the_same_message_id_whatever_the_scorers_version() -> None:
    first, second = (panel(Length("a", version=version)).score([response(5)])[0] for version in ("1", "2"))
    other = Panel("quality", [Seat(Length("a"))]).score([response(5)])[0]

    assert first.event_id == second.event_id
    assert other.event_id != first.event_id


def test_a_shadow_is_scored_for_its_answer_only() -> None:
    prompt, pair = Length("a"), Length("b", "pair")
    found = by_request(panel(prompt, pair).score([response(1, variant=Variant.SHADOW), response(2)]))

    assert set(found["r1"]) == {"response.b"}
    assert set(found["r2"]) == {"prompt.a", "prompt.b", "response.b"}
    assert len(prompt.seen) == 1


def test_a_call_that_no_scorer_is_for_has_no_message() -> None:
    assert panel(Length("a")).score([response(1, variant=Variant.SHADOW)]) == []
    assert panel().score([response(1)]) == []


@pytest.mark.parametrize("output", [None, Message(role="assistant", content="")])
def test_what_could_not_be_judged_is_recorded_with_its_reason_and_without_a_value(output: Message | None) -> None:
    (message,) = panel(Length("a", "response")).score([response(1, output=output, error_type="timeout")])

    assert [(score.value, score.unjudged) for score in message.scores] == [(None, "no text")]


def test_a_scorer_that_fails_stops_no_other_and_its_calls_are_not_judged(caplog: pytest.LogCaptureFixture) -> None:
    found = by_request(panel(Failing("a"), Length("b")).score([response(1, prompt="my secret")]))

    assert found["r1"]["prompt.a"].unjudged == "scorer failed: RuntimeError"
    assert found["r1"]["prompt.b"].value == 9.0
    assert "a@1" in caplog.text
    assert "secret" not in caplog.text + repr(found["r1"]["prompt.a"])


def test_a_share_of_the_calls_is_seen_always_the_same_and_its_chance_is_recorded() -> None:
    many = calls(2000)
    first, again = (by_request(panel(Length("a"), share=0.3).score(some)) for some in (many, many[::-1]))

    assert first.keys() == again.keys()
    assert 0.27 < len(first) / len(many) < 0.33
    assert {score.sampling_probability for of_call in first.values() for score in of_call.values()} == {0.3}


def test_two_scorers_draw_their_calls_independently() -> None:
    drawn = [{n for n in range(2000) if lot(f"event-{n}", scorer) < 0.3} for scorer in ("a", "b")]

    assert 0.05 < len(drawn[0] & drawn[1]) / 2000 < 0.13


def test_what_a_costly_scorer_sees_is_chosen_by_what_the_cheap_ones_said() -> None:
    costly = Length("costly", cost="model")

    def longest(card: Card, share: float, judged: Sequence[Judged]) -> list[float]:
        assert (card.name, share) == ("costly", 0.5)
        return [1.0 if (call.scores[0].value or 0) > 3 else 0.0 for call in judged]

    shares = [Seat(costly, 0.5), Seat(Length("cheap"))]
    found = by_request(Panel("safety", shares, longest).score(calls(5)))

    assert [request for request, scores in found.items() if "prompt.costly" in scores] == ["r3", "r4"]
    assert [len(seen.prompt) for seen in costly.seen] == [4, 5]
    assert all(of_call["prompt.cheap"].sampling_probability == 1 for of_call in found.values())


def test_a_scorer_that_nothing_was_chosen_for_is_not_called() -> None:
    costly = Length("costly", cost="remote")

    panel(costly, choose=lambda card, share, judged: [0.0] * len(judged)).score(calls(3))

    assert costly.seen == []


def test_the_whole_is_drawn_without_lots() -> None:
    assert evenly(Length("a").card, 1.0, [Judged(call, ()) for call in calls(3)]) == [1.0, 1.0, 1.0]


def test_nothing_in_gives_nothing_out() -> None:
    assert panel(Length("a")).score([]) == []
