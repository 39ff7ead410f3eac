"""Measures a served version on held-out prompts, straight at the model server, slice by slice."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import aiohttp

from schemas.learning import Accuracy
from schemas.proportions import accuracy
from services.commands.demo.prompts import LabelledPrompt
from services.commands.demo.scenario import Scenario

CONCURRENCY = 16

SliceAccuracies = dict[str, Accuracy]


def evaluate(
    scenario: Scenario, model_server: str, version: str, prompts: Sequence[LabelledPrompt]
) -> tuple[Accuracy, SliceAccuracies]:
    """Return the accuracy of an adapter version over all prompts and over each slice.

    Raises:
        RuntimeError: The server refused a call, e.g. because it does not serve the version.
    """
    answers = asyncio.run(_ask_all(scenario, model_server, version, prompts))
    correct: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for prompt, answer in zip(prompts, answers, strict=True):
        count[prompt.slice] += 1
        correct[prompt.slice] += answer == prompt.label
    slices = {name: accuracy(correct[name], count[name]) for name in sorted(count)}
    return accuracy(correct.total(), count.total()), slices


async def _ask_all(scenario: Scenario, model_server: str, version: str, prompts: Sequence[LabelledPrompt]) -> list[str]:
    gate = asyncio.Semaphore(CONCURRENCY)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:

        async def ask(prompt: LabelledPrompt) -> str:
            body = {
                "model": version,
                "messages": list(scenario.messages(prompt)),
                "structured_outputs": {"choice": list(scenario.choices)},
                "temperature": 0,
            }
            async with gate, session.post(f"{model_server}/v1/chat/completions", json=body) as response:
                answer = await response.json()
                if response.status != 200:
                    raise RuntimeError(f"evaluation of {version}: status {response.status}")
                return str(answer["choices"][0]["message"]["content"]).strip()

        return list(await asyncio.gather(*(ask(prompt) for prompt in prompts)))
