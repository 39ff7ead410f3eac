"""A guard behind an endpoint gives what the same guard gives here; an endpoint that fails leaves texts unjudged."""

import socket
from collections.abc import Iterator
from typing import Literal

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from schemas.guards import GuardEndpoint, GuardSettings
from services.scorers.contract import Score
from services.scorers.guards.asking import Reading
from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.factory import family_of
from services.scorers.guards.families.moderation import Moderation
from services.scorers.guards.guard import Guard
from services.scorers.guards.remote import Chat, Completions, reading_of
from services.scorers.guards.template import Template
from services.scorers.remote.asking import Asker
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.families import test_llama_guard, test_nemo_guard, test_qwen_guard
from tests.services.scorers.guards.server import Served, moderation_scores, serving
from tests.services.scorers.guards.tiny import ANSWERED, BOMB, BREAD, CONTEXT, LONGER, checkpoint, subject_of

SUBJECTS = [subject_of(conversation) for conversation in (BREAD, BOMB, ANSWERED, LONGER)]
FormName = Literal["completions", "chat"]


def settings_of(model: str, url: str = "http://127.0.0.1:9/v1", **more: object) -> GuardSettings:
    endpoint = GuardEndpoint(url=url, model="tiny", **more)  # type: ignore[arg-type]  # of the endpoint
    return GuardSettings(model=model, checkpoint="tiny", endpoint=endpoint)  # type: ignore[arg-type]  # a guard's name


def asker_of(endpoint: GuardEndpoint, key: str = "") -> Asker:
    return Asker(endpoint.url, key=key, timeout_s=endpoint.timeout_s, side_by_side=endpoint.concurrency)


def remote(settings: GuardSettings, model: Checkpoint, *, form: FormName = "completions", key: str = "") -> Guard:
    assert settings.endpoint is not None
    asker = asker_of(settings.endpoint, key)
    engine: Completions | Chat
    if form == "chat":
        engine = Chat(settings.endpoint, asker, context=CONTEXT)
    else:
        engine = Completions(settings.endpoint, asker, Template(model.render.tokenizer, context=CONTEXT))
    family = family_of(settings, engine)
    return Guard(family, name="guard", settings=settings, engine_version=engine.version, cost=engine.cost)


def local(settings: GuardSettings, model: Checkpoint) -> Guard:
    return Guard(
        family_of(settings, model), name="guard", settings=settings, engine_version=model.version, cost="model"
    )  # fmt: skip


def alike(some: list[tuple[Score, ...]], others: list[tuple[Score, ...]]) -> None:
    for one, other in zip(some, others, strict=True):
        for here, there in zip(one, other, strict=True):
            assert (here.name, here.label, here.categories) == (there.name, there.label, there.categories)
            # What is not among the twenty likeliest is missing there.
            assert there.value == pytest.approx(here.value, abs=2e-3)
            assert here.unjudged == there.unjudged


@pytest.fixture(scope="module")
def llama() -> Iterator[tuple[str, Served]]:
    with serving(test_llama_guard.guardian()) as served:
        yield served


@pytest.fixture
def server(llama: tuple[str, Served]) -> Iterator[tuple[str, Served]]:
    url, served = llama
    served.paths.clear()
    served.keys.clear()
    served.bodies.clear()
    yield url, served
    served.answer = None
    served.held.set()


@pytest.mark.parametrize("form", ["completions", "chat"])
def test_llama_guard_there_agrees_with_llama_guard_here(server: tuple[str, Served], form: FormName) -> None:
    url, served = server
    settings = settings_of("llama-guard-3", url, form=form)

    found = remote(settings, served.model, form=form).score(SUBJECTS)

    alike(local(settings, served.model).score(SUBJECTS), found)
    assert found[1][0].categories == ("indiscriminate-weapons", "violent-crimes")
    assert set(served.paths) == {"completions" if form == "completions" else "chat/completions"}


@pytest.mark.parametrize("form", ["completions", "chat"])
@pytest.mark.parametrize(("model", "guardian"), [("qwen3-guard", test_qwen_guard), ("nemo-guard", test_nemo_guard)])
def test_guards_with_a_beginning_agree_too(model: str, guardian: object, form: FormName) -> None:
    taught: Checkpoint = guardian.guardian()  # type: ignore[attr-defined]  # of both modules
    with serving(taught) as (url, _):
        settings = settings_of(model, url, form=form)

        found = remote(settings, taught, form=form).score([SUBJECTS[0], SUBJECTS[1], SUBJECTS[2]])

        alike(local(settings, taught).score([SUBJECTS[0], SUBJECTS[1], SUBJECTS[2]]), found)


@pytest.mark.parametrize(
    ("model", "template", "kind"),
    [("shield-gemma", templates.shield_gemma(), "gemma2"), ("wild-guard", "", "mistral")],
)
def test_untaught_guards_agree_where_the_words_are_among_the_likeliest(model: str, template: str, kind: str) -> None:
    random = checkpoint(template, kind)
    with serving(random) as (url, served):
        settings = settings_of(model, url)
        here, there = local(settings, random).score(SUBJECTS), remote(settings, random).score(SUBJECTS)

        assert served.paths
        for one, other in zip(here, there, strict=True):
            for score, far in zip(one, other, strict=True):
                assert score.name == far.name
                assert far.unjudged in {score.unjudged, "the endpoint does not answer as this guard does"}


def test_the_template_of_a_chat_gets_its_arguments(server: tuple[str, Served]) -> None:
    url, served = server
    settings = settings_of("granite-guardian", url, form="chat")

    remote(settings, served.model, form="chat").score(SUBJECTS[:1])

    assert served.bodies[0]["chat_template_kwargs"] == {"guardian_config": {"risk_name": "harm"}}
    assert served.bodies[0]["top_logprobs"] == 20


def test_the_key_is_sent(server: tuple[str, Served]) -> None:
    url, served = server

    remote(settings_of("llama-guard-3", url), served.model, key="secret").score(SUBJECTS[:1])

    assert set(served.keys) == {"Bearer secret"}


def reasons(rows: list[tuple[Score, ...]]) -> set[str]:
    return {score.unjudged for row in rows for score in row}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: PlainTextResponse("overloaded", 503), "the endpoint answered 503"),
        (lambda: PlainTextResponse("who are you", 401), "the endpoint answered 401"),
        (lambda: PlainTextResponse("<html>"), "the endpoint's answer is not understood"),
        (lambda: JSONResponse({"choices": "none"}), "the endpoint's answer is not understood"),
        (lambda: JSONResponse({"choices": []}), "the endpoint gives no logprobs"),
        (lambda: JSONResponse({"choices": [{"text": "safe"}]}), "the endpoint gives no logprobs"),
        (lambda: JSONResponse({"choices": [{"text": "safe", "logprobs": None}]}), "the endpoint gives no logprobs"),
    ],
)
@pytest.mark.parametrize("form", ["completions", "chat"])
def test_an_endpoint_that_fails_leaves_its_texts_unjudged(
    server: tuple[str, Served], answer: object, reason: str, form: FormName
) -> None:
    url, served = server
    served.answer = answer  # type: ignore[assignment]  # of the cases above

    found = remote(settings_of("llama-guard-3", url, form=form), served.model, form=form).score(SUBJECTS[:1])

    assert found[0][0] == Score("prompt.guard", None, unjudged=reason)


def test_an_endpoint_that_keeps_one_waiting_is_given_up(server: tuple[str, Served]) -> None:
    url, served = server
    served.held.clear()

    found = remote(settings_of("llama-guard-3", url, timeout_s=0.2), served.model).score(SUBJECTS[:2])

    assert "the endpoint took longer than 0.2 s" in reasons(found)


def test_an_endpoint_that_is_away_is_said_to_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = settings_of("llama-guard-3", f"http://127.0.0.1:{port}/v1")

    found = remote(settings, test_llama_guard.guardian()).score(SUBJECTS[:1])

    assert found[0][0].unjudged == "the endpoint can't be reached"


def test_a_guard_that_was_away_is_asked_again_for_its_form(server: tuple[str, Served]) -> None:
    url, served = server
    settings = settings_of("llama-guard-3", url)
    guard = remote(settings, served.model)
    served.answer = lambda: PlainTextResponse("not yet", 503)
    guard.score(SUBJECTS[:1])
    served.answer = None

    alike(local(settings, served.model).score(SUBJECTS[1:2]), guard.score(SUBJECTS[1:2]))


def test_what_white_space_comes_first_is_known_before_a_text_is_judged(server: tuple[str, Served]) -> None:
    url, served = server
    failing = iter([PlainTextResponse("not yet", 503)])

    def answer() -> Response:
        try:
            return next(failing)
        except StopIteration:
            served.answer = None
            return JSONResponse(served.completions(served.bodies[-1]))

    served.answer = answer

    found = remote(settings_of("llama-guard-3", url, concurrency=1), served.model).score(SUBJECTS[1:2])

    assert found[0][0].unjudged == "the endpoint answered 503"


def test_a_mishap_says_nothing_of_the_call(server: tuple[str, Served]) -> None:
    url, served = server
    served.answer = lambda: Response(b"\xff{bread bomb", 200)

    found = remote(settings_of("llama-guard-3", url), served.model).score(SUBJECTS)

    assert not [reason for reason in reasons(found) if "bread" in reason or "bomb" in reason]


def test_a_chat_that_answers_in_other_words_is_not_judged(server: tuple[str, Served]) -> None:
    url, served = server

    found = remote(settings_of("qwen3-guard", url, form="chat"), served.model, form="chat").score(SUBJECTS[:1])

    assert found[0][0].unjudged == "the endpoint does not answer as this guard does"


def test_a_version_hangs_on_endpoint_and_model() -> None:
    model = test_llama_guard.guardian()
    versions = {
        remote(settings_of("llama-guard-3", "http://a/v1"), model).card.version,
        remote(settings_of("llama-guard-3", "http://b/v1"), model).card.version,
        remote(settings_of("llama-guard-3", "http://a/v1", form="chat"), model, form="chat").card.version,
    }

    assert len(versions) == 3
    assert remote(settings_of("llama-guard-3", "http://a/v1", timeout_s=3), model).card.version in versions


def test_words_are_told_among_the_likeliest_by_their_text() -> None:
    tops = {" unsafe": -1.0, "un": -2.0, "safe": -3.0, "sorry": -0.5, "\n": -0.1}

    reading = reading_of(tops, ("unsafe", "safe"), spelled=False)

    assert reading.probabilities == pytest.approx((0.367879 + 0.135335, 0.049787), abs=1e-5)
    assert reading_of({"sorry": -0.1}, ("unsafe", "safe"), spelled=False).unjudged


def test_moderations_are_read_by_category(server: tuple[str, Served]) -> None:
    url, served = server
    endpoint = GuardEndpoint(url=url, model="omni", form="moderations")
    settings = GuardSettings(model="moderation", endpoint=endpoint)
    family = Moderation(asker_of(endpoint), model="omni", threshold=0.5, characters=1000)
    guard = Guard(family, name="guard", settings=settings, engine_version="", cost="remote")

    found = guard.score(SUBJECTS)

    for subject, (prompt, response) in zip(SUBJECTS, found, strict=True):
        scores = moderation_scores(served.model, subject.prompt)
        assert prompt.value == pytest.approx(max(scores.values()), abs=1e-6)
        assert (prompt.label == "unsafe") == (max(scores.values()) >= 0.5)
        assert ("hate" in prompt.categories) == (scores["hate"] >= 0.5)
        assert bool(response.unjudged) == (not subject.answer)


def test_a_moderation_without_scores_is_read_by_what_it_flags(server: tuple[str, Served]) -> None:
    url, served = server
    flagged = {"hate": True, "self-harm/intent": None, "violence": False}
    served.answer = lambda: JSONResponse({"results": [{"flagged": True, "categories": flagged}]})
    family = Moderation(
        asker_of(GuardEndpoint(url=url, model="m", form="moderations")), model="m", threshold=0.5, characters=99
    )

    ((verdict,),) = family.judge("prompt", [BREAD])

    assert (verdict.probability, verdict.categories) == (1.0, ("hate",))


@pytest.mark.parametrize("answer", [{"results": []}, {"results": [{"flagged": False}]}])
def test_a_moderation_that_names_nothing_judges_nothing(server: tuple[str, Served], answer: dict[str, object]) -> None:
    url, served = server
    served.answer = lambda: JSONResponse(answer)
    family = Moderation(
        asker_of(GuardEndpoint(url=url, model="m", form="moderations")), model="m", threshold=0.5, characters=99
    )

    ((verdict,),) = family.judge("prompt", [BREAD])

    assert verdict.probability is None
    assert verdict.unjudged


def test_a_reading_without_numbers_is_none() -> None:
    assert reading_of({"unsafe": float("nan")}, ("unsafe", "safe"), spelled=False) == Reading(
        unjudged="the endpoint does not answer as this guard does"
    )
