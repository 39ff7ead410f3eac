"""The guard processor: whom it judges, with which chance, and what a restart makes of it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.cascade import SamplingChanged
from schemas.configuration_parser import parse_configuration
from schemas.inference import InferenceResponded
from schemas.record import Variant
from stream_processors.frame.delivery import Delivery
from stream_processors.scoring.cascade import number_of
from stream_processors.scoring.panels import Panels
from tests.stream_processors.observed import log_of, response
from tests.stream_processors.scoring.sampled import Memory, Watched, configuration, scores_in, settings_in

TOPIC = "inference.responded.v1"
TIGHT = "{rest: 0.2, calls_per_minute: 60}"


def watching(folder: Path, cascade: str = "{}", **other: Any) -> Watched:
    return Watched(configuration(cascade), folder, other.pop("log", None) or Memory(), **other)


def traffic(count: int, *, odd_every: int = 20) -> list[InferenceResponded]:
    return [response(i, prompt=f"{'odd' if i % odd_every == 0 else 'plain'} question {i}") for i in range(count)]


def deliveries(count: int, **other: int) -> list[Delivery]:
    return log_of(traffic(count, **other), topic=TOPIC)


async def test_suspicious_calls_are_judged_and_a_sample_of_the_rest_with_the_chance_recorded(tmp_path: Path) -> None:
    guard = watching(tmp_path, "{rest: 0.1}")
    found = {s.request_id: s.scores[0] for s in scores_in(await guard.deliver(deliveries(1000)))}

    suspicious = {f"r{i}" for i in range(0, 1000, 20)}
    rest = {f"r{i}" for i in range(1000)} - suspicious
    assert {request for request, score in found.items() if score.sampling_probability == 1.0} == suspicious
    assert found.keys() - suspicious == {request for request in rest if number_of(request) <= 0.1}
    assert {score.sampling_probability for score in found.values()} == {1.0, 0.1}
    assert {score.name for score in found.values()} == {"prompt.watchman"}  # what is cheap is safety's to tell


async def test_a_call_that_the_guard_cannot_judge_is_told_and_one_that_is_not_drawn_is_not(tmp_path: Path) -> None:
    guard = watching(tmp_path, "{rest: 0.0005}")
    calls = [response(1, prompt="odd and mute"), response(2, prompt="plain")]
    (message,) = scores_in(await guard.deliver(log_of(calls, topic=TOPIC)))
    assert (message.request_id, message.scores[0].value, message.scores[0].unjudged) == ("r1", None, "mute")


async def test_suspicion_may_begin_below_a_cheap_scorers_threshold_and_be_of_named_scores_alone(tmp_path: Path) -> None:
    calls = log_of([response(1, prompt="plain")], topic=TOPIC)
    at_zero = watching(tmp_path, "{suspect_from: 0.0, rest: 0.0005}")
    assert len(scores_in(await at_zero.deliver(calls))) == 1
    of_another = watching(tmp_path, "{suspects: [prompt.other], rest: 0.0005}")
    assert scores_in(await of_another.deliver(deliveries(40))) == []


async def test_a_shadows_prompt_is_not_judged(tmp_path: Path) -> None:
    guard = watching(tmp_path)
    shadow = response(0, prompt="odd", variant=Variant.SHADOW)
    assert scores_in(await guard.deliver(log_of([shadow], topic=TOPIC))) == []


async def test_under_load_chances_fall_to_what_the_budget_allows_once_they_are_acknowledged(tmp_path: Path) -> None:
    guard = watching(tmp_path, TIGHT)
    log = deliveries(1200)
    for at in range(0, 1200, 100):  # ten seconds each
        await guard.deliver(log[at : at + 100])
    changes = [record for record in guard.log.records if isinstance(record, SamplingChanged)]
    # Ten calls a second; a partition's half of the budget is a call every two seconds.
    assert changes[-1].rest * 9.5 + changes[-1].suspicious * 0.5 == pytest.approx(0.5, abs=0.1)
    late = [s.scores[0].sampling_probability for s in scores_in(guard.log.records) if int(s.request_id[1:]) > 300]
    assert len(late) / 900 == pytest.approx(0.05, abs=0.02)
    assert sum(1 / chance for chance in late) == pytest.approx(900, rel=0.4)


async def test_nothing_is_judged_with_chances_that_are_not_in_the_log(tmp_path: Path) -> None:
    guard = watching(tmp_path, TIGHT)
    log = deliveries(400)
    for at in range(0, 400, 50):
        for message in scores_in(await guard.deliver(log[at : at + 50])):
            assert message.scores[0].sampling_probability in guard.chances_before(guard.log.acknowledged)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.integers(1, 120), min_size=4, max_size=14),
    deaths=st.lists(st.tuples(st.integers(0, 13), st.integers(1, 200), st.booleans()), max_size=4),
)
async def test_a_call_that_is_read_again_meets_the_chance_that_it_had(
    tmp_path: Path, batches: list[int], deaths: list[tuple[int, int, bool]]
) -> None:
    log, memory = deliveries(sum(batches)), Memory()
    guard = watching(tmp_path, TIGHT, log=memory)
    met: dict[str, set[float]] = {}
    drawn: dict[str, list[bool]] = {call.record.event_id: [] for call in log}
    at = 0
    for number, size in enumerate(batches):
        batch = log[at : at + size]
        if not batch:
            break
        death = next((d for d in deaths if d[0] == number), None)
        told = scores_in(await guard.deliver(batch, keep=death is None or death[2]))
        lost = death is not None and not death[2]
        if not lost:
            note(met, drawn, batch, {s.request_id: s.scores[0].sampling_probability for s in told})
        at += len(batch)
        if death is not None:  # it dies, and reads again from the last commit
            at = max(0, at - death[1])
            guard = watching(tmp_path, TIGHT, log=memory, clock=guard.clock)
            batches.append(death[1])
    assert all(len(chances) == 1 for chances in met.values())
    assert all(len(set(times)) <= 1 for times in drawn.values())


def note(
    met: dict[str, set[float]], drawn: dict[str, list[bool]], batch: list[Delivery], told: dict[str, float]
) -> None:
    for call in batch:
        assert isinstance(call.record, InferenceResponded)
        request = call.record.request_id
        drawn[call.record.event_id].append(request in told)
        if request in told:
            met.setdefault(request, set()).add(told[request])


async def test_a_re_created_topic_begins_anew(tmp_path: Path) -> None:
    guard = watching(tmp_path, TIGHT)
    log = deliveries(600)
    for at in range(0, 600, 100):
        await guard.deliver(log[at : at + 100])
    assert guard.chances_before(len(guard.log.records)) > {1.0}
    again = watching(tmp_path, TIGHT, log=guard.log, clock=guard.clock, topic_id="another id")
    told = scores_in(await again.deliver(log[:20]))
    assert told[0].scores[0].sampling_probability == 1.0


async def test_safety_leaves_to_the_guard_what_is_the_guards(tmp_path: Path) -> None:
    (message,) = Panels("safety", settings_in(tmp_path), configuration()).score([response(1, prompt="odd")])
    assert [score.name for score in message.scores] == ["prompt.suspect"]


async def test_an_endpoint_that_cannot_be_had_is_left_out_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unset = "{name: unset, endpoint: {form: moderation, url_env: NO_SUCH_VARIABLE}}"
    text = f"apps: [{{name: prompt-guard, base_model: tiny}}]\nscorers: [{unset}]"
    guard = Watched(parse_configuration(text), tmp_path, Memory())
    assert await guard.deliver(deliveries(10)) == []
    (line,) = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert "unset: set the environment variable NO_SUCH_VARIABLE" in line
