"""Measures a served version on held-out prompts, straight at the model server, slice by slice."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import aiohttp

from schemas.learning import Accuracy
from schemas.proportions import accuracy, wilson_interval
from services.commands.demo.prompt import Prompt
from services.commands.demo.scenario import Scenario

CONCURRENCY = 16

SliceAccuracies = dict[str, Accuracy]


def evaluate(
    scenario: Scenario, model_server: str, version: str, prompts: Sequence[Prompt]
) -> tuple[Accuracy, SliceAccuracies]:
    """Return the scenario's metric of an adapter version over all prompts and over each slice.

    Where an answer may be right in part the figure is the mean; Wilson's interval of it is then a wide one.

    Raises:
        RuntimeError: The server refused a call, e.g. because it does not serve the version.
    """
    answers = asyncio.run(_ask_all(scenario, model_server, version, prompts))
    worth: defaultdict[str, list[float]] = defaultdict(list)
    for prompt, answer in zip(prompts, answers, strict=True):
        worth[prompt.slice].append(prompt.worth(answer))
    slices = {name: _figure(worth[name]) for name in sorted(worth)}
    return _figure([value for values in worth.values() for value in values]), slices


def _figure(worth: Sequence[float]) -> Accuracy:
    right = sum(value == 1 for value in worth)
    if all(value in (0, 1) for value in worth):
        return accuracy(right, len(worth))
    low, high = wilson_interval(sum(worth), len(worth))
    return Accuracy(correct=right, count=len(worth), low=low, high=high, mean=sum(worth) / len(worth))


async def _ask_all(scenario: Scenario, model_server: str, version: str, prompts: Sequence[Prompt]) -> list[str]:
    gate = asyncio.Semaphore(CONCURRENCY)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=30)) as session:

        async def ask(prompt: Prompt) -> str:
            body = {
                "model": version,
                "messages": list(prompt.messages),
                "max_tokens": scenario.max_tokens,
                **({"structured_outputs": dict(scenario.constraint)} if scenario.constraint else {}),
                "temperature": 0,
            }
            async with gate, session.post(f"{model_server}/v1/chat/completions", json=body) as response:
                answer = await response.json()
                if response.status != 200:
                    raise RuntimeError(f"evaluation of {version}: status {response.status}")
                return str(answer["choices"][0]["message"]["content"]).strip()

        return list(await asyncio.gather(*(ask(prompt) for prompt in prompts)))
