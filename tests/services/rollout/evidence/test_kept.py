"""Scores and pairs as evidence: counted once, bounded, kept over a restart, and forgotten with their step."""

from collections.abc import Iterator

import msgspec
import pytest

from schemas.configuration import App, Configuration
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.record import Variant
from schemas.rollout_policy import PairJudge
from schemas.scoring import Endpoint
from services.clients.store.database import open_store
from services.rollout.controller import Controller
from services.rollout.convergence import Standing
from services.rollout.evidence.compared import Outcome, compared
from services.rollout.evidence.kept import MOST_CALLS, Evidence
from services.rollout.evidence.scored import FORMAT, REFUSAL, UNSAFE, Mark, ScoredCall, scored_call
from services.rollout.persistence import RolloutStore
from tests.services.rollout.builders import APP, POLICY, at, trained

V1, V2 = "prompt-guard-v1", "prompt-guard-v2"
ENDPOINT = Endpoint(form="judge", url="http://judge/v1", model="m", rubric="the kinder one")
CONFIGURATION = Configuration(
    apps=(App(name=APP, base_model="tiny", task="write"),),
    rollout=(msgspec.structs.replace(POLICY, judge=PairJudge(endpoint=ENDPOINT, most=3, needed=1)),),
)
STANDING = Standing(replicas=("one",), held={"one": frozenset({V1, V2})})


def scores(number: int, version: str = V2, variant: Variant = Variant.SHADOW, **labels: str) -> ScoresRecorded:
    """Scores of a call by name, `_` for `.`; the label `-` is one that could not be judged."""
    recorded = tuple(
        RecordedScore(name=name.replace("_", ".", 1), scorer="s@1", unjudged="no answer")
        if label == "-"
        else RecordedScore(name=name.replace("_", ".", 1), scorer="s@1", value=1.0, label=label)
        for name, label in labels.items()
    )
    return ScoresRecorded(
        event_id=f"scores-{number}-{variant}",
        occurred_at=at(20),
        app=APP,
        adapter_version=version,
        variant=variant,
        request_id=f"request-{number}",
        scores=recorded,
    )


@pytest.fixture
def store(store_url: str) -> Iterator[RolloutStore]:
    engine = open_store(store_url)
    yield RolloutStore(engine)
    engine.dispose()


@pytest.fixture
def controller(store: RolloutStore) -> Controller:
    """A controller whose second version is in shadow."""
    controller = Controller(store, CONFIGURATION)
    controller.take([trained(V1)], at(0))
    controller.judge(lambda app: STANDING, at(1))
    controller.take([trained(V2)], at(2))
    controller.judge(lambda app: STANDING, at(3))
    return controller


def evidence_of(controller: Controller, role: Variant = Variant.SHADOW) -> dict[str, tuple[float, float]]:
    figures = controller._evidence.figures(APP, role)
    return {name: (trials.hits, trials.count) for name, trials in figures.scored.items()}


def test_a_call_is_flagged_where_one_score_of_a_measure_has_its_bad_label() -> None:
    record = scores(
        1, response_refusal="refused", response_harm="safe", response_format="valid", response_tool_arguments="invalid"
    )
    call = scored_call(record)
    assert call is not None
    assert call.marks == {REFUSAL: Mark(True, 1.0), UNSAFE: Mark(False, 1.0), FORMAT: Mark(True, 1.0)}


def test_what_could_not_be_judged_and_what_is_of_prompts_says_nothing() -> None:
    assert scored_call(scores(1, response_harm="-", prompt_injection="unsafe")) is None


def test_scores_delivered_again_and_after_a_restart_count_once(store: RolloutStore, controller: Controller) -> None:
    records = [scores(number, response_harm="unsafe" if number < 5 else "safe") for number in range(20)]
    controller.take(records[:12], at(21))
    controller.take(records[8:], at(22))
    assert evidence_of(controller) == {UNSAFE: (5.0, 20.0)}
    again = Controller(store, CONFIGURATION)
    again.take(records, at(23))
    assert evidence_of(again) == {UNSAFE: (5.0, 20.0)}


def test_scores_of_other_versions_and_of_before_the_step_do_not_count(controller: Controller) -> None:
    early = msgspec.structs.replace(scores(3, response_harm="unsafe"), occurred_at=at(3))
    controller.take([scores(1, "other", response_harm="unsafe"), early], at(21))
    controller.take([scores(2, V1, Variant.STABLE, response_harm="safe")], at(21))
    assert evidence_of(controller) == {}
    assert evidence_of(controller, Variant.STABLE) == {UNSAFE: (0.0, 1.0)}


def test_a_rare_call_that_is_sure_to_be_judged_weighs_less_than_one_drawn_by_chance() -> None:
    evidence = Evidence()
    for number in range(110):
        drawn = number < 100
        mark = Mark(not drawn, 0.1 if drawn else 1.0)
        evidence.keep_call(ScoredCall(event_id=str(number), app=APP, variant=Variant.CANARY, marks={UNSAFE: mark}))
    trials = evidence.figures(APP, Variant.CANARY).scored[UNSAFE]
    assert round(trials.share, 4) == round(10 / 1010, 4)
    assert trials.count <= 110


def test_the_first_calls_of_a_step_count_and_no_more_are_kept() -> None:
    evidence, mark = Evidence(), {UNSAFE: Mark(False, 1.0)}
    kept = [
        evidence.keep_call(ScoredCall(event_id=str(number), app=APP, variant=Variant.CANARY, marks=mark))
        for number in range(MOST_CALLS + 10)
    ]
    assert (sum(kept), kept[-1]) == (MOST_CALLS, False)


def test_pairs_count_once_within_their_budget_and_are_forgotten_with_the_shadow(
    store: RolloutStore, controller: Controller
) -> None:
    (watch,) = controller.watches()
    assert (watch.candidate, watch.stable, watch.left) == (V2, V1, 3)
    outcomes = (Outcome.WON, Outcome.TIED, Outcome.UNJUDGED)
    pairs = [compared(APP, watch.rollout_id, str(number), outcome) for number, outcome in enumerate(outcomes)]
    controller.take_compared([*pairs, pairs[0], compared(APP, "another", "9", Outcome.LOST)])
    again = Controller(store, CONFIGURATION)
    again.take_compared(pairs)
    figures = again._evidence.figures(APP, Variant.SHADOW)
    assert (figures.pairs.hits, figures.pairs.count, figures.unjudged) == (1.5, 2.0, 1)
    assert again.watches()[0].left == 0
    again.judge(lambda app: STANDING, at(700))
    assert (again.watches(), store.calls()) == ((), [])
