"""From a call to the jobs that answer it, by what is served now."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from services.model_server.jobs import Job, Outcome, Sampling
from services.model_server.orders import Asked
from services.model_server.served import Served
from services.model_server.wire.calls import ChatCall, CompletionCall, check_length
from services.model_server.wire.forms import Form
from services.models.grammars import BadGrammar, Grammar
from services.parts.ingress.errors import Refusal


async def chat_asked(served: Served, call: ChatCall, arrived: float) -> Asked:
    """Return what a chat call comes to. Nothing is awaited once its adapter is looked up, so it can't leave before.

    Raises:
        Refusal: 400 it can't be answered as asked, 404 no such model, 503 still loading.
    """
    served.must_be_loaded()
    form = call.form
    grammar = await _grammar(served, form)
    slot = served.slot_of(call.model)
    prompt = served.prompt(call.conversation, form.tools)
    answers = served.answers(call.choices) if call.choices else ()
    window = served.context if answers else served.window
    sampling = call.sampling(window - len(prompt))
    check_length(len(prompt), 1 if answers else sampling.max_tokens, window)
    job = Job(slot, prompt, _unheard, answers, sampling, grammar)
    return Asked(
        call.model,
        _several([job], call.answers_wanted),
        len(prompt),
        call.choices,
        bool(form.tools),
        call.wants_usage,
        arrived,
    )


async def completion_asked(served: Served, call: CompletionCall, arrived: float) -> Asked:
    """Return what a call for a completion comes to.

    Raises:
        Refusal: 400 it can't be answered as asked, 404 no such model, 503 still loading.
    """
    served.must_be_loaded()
    grammar = await _grammar(served, call.form)
    slot, sampling = served.slot_of(call.model), call.sampling()
    prompts = [served.tokens(prompt) if isinstance(prompt, str) else served.checked(prompt) for prompt in call.prompts]
    for prompt in prompts:
        check_length(len(prompt), sampling.max_tokens, served.window)
    jobs = [Job(slot, prompt, _unheard, sampling=sampling, grammar=grammar) for prompt in prompts]
    return Asked(
        call.model,
        _several(jobs, call.answers_wanted),
        sum(map(len, prompts)),
        (),
        False,
        call.wants_usage,
        arrived,
    )


def _several(jobs: Sequence[Job], wanted: int) -> tuple[Job, ...]:
    """Return so many jobs in place of each; a seed gives each answer to a prompt another chance."""
    return tuple(replace(job, sampling=_reseeded(job.sampling, at)) for job in jobs for at in range(wanted))


def _reseeded(sampling: Sampling, at: int) -> Sampling:
    # torch takes seeds of 64 bits; a client's may be any integer.
    return sampling if sampling.seed is None else replace(sampling, seed=(sampling.seed + at) % 2**63)


async def _grammar(served: Served, form: Form) -> Grammar | None:
    """Return the grammar of a form; made off the event loop, as a large schema takes a while."""
    if form.free:
        return None
    try:
        return await asyncio.to_thread(served.grammar, form)
    except BadGrammar as error:
        raise Refusal(400, f"the answer can't be kept to this form: {error}", param="response_format") from error


def _unheard(_: Outcome) -> None:
    """Stand for a job's deliver until its order is placed."""
