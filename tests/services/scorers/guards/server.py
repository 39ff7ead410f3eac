"""A small OpenAI-compatible server over a tiny checkpoint: a real model behind real HTTP, on a port of its own."""

import json
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.scorers.guards.checkpoint import Checkpoint

CATEGORIES = ("hate", "violence", "sexual", "self-harm", "illicit", "harassment")


@dataclass
class Served:
    """The server's state.

    Attributes:
        paths: Of the calls that came.
        keys: Their authorization.
        held: Keeps every answer back until it is set.
    """

    model: Checkpoint
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    answer: Callable[[], Response] | None = None

    def written(self, tokens: list[int], most: int) -> list[tuple[int, torch.Tensor]]:
        """Greedy tokens with the log-probabilities of their places, the end not among them."""
        given = torch.tensor([tokens])
        made = self.model.model.generate(
            input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=most, do_sample=False,
            output_scores=True, return_dict_in_generate=True,
        )  # fmt: skip
        ends = self.model.model.generation_config.eos_token_id
        places = zip(made.sequences[0, len(tokens) :].tolist(), made.scores, strict=False)
        return [(at, torch.log_softmax(score[0].float(), dim=-1)) for at, score in places if at not in ends]

    def text(self, token: int) -> str:
        return str(self.model.render.tokenizer.decode([token]))

    def likeliest(self, chances: torch.Tensor) -> list[tuple[str, float]]:
        best = chances.topk(20)
        return [(self.text(int(at)), float(value)) for value, at in zip(best.values, best.indices, strict=True)]

    def completions(self, body: dict[str, Any]) -> dict[str, Any]:
        places = self.written(body["prompt"], body["max_tokens"])
        tops = [dict(reversed(self.likeliest(chances))) for _, chances in places]
        tokens = [self.text(at) for at, _ in places]
        # Of an answer that ends at once, vLLM names the place's likeliest too.
        if not tops:
            logits = self.model.model(torch.tensor([body["prompt"]])).logits[0, -1].float()
            tops, tokens = [dict(reversed(self.likeliest(torch.log_softmax(logits, dim=-1))))], [""]
        return {"choices": [{"text": "".join(tokens), "logprobs": {"tokens": tokens, "top_logprobs": tops}}]}

    def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        tokenizer = self.model.render.tokenizer
        prompt = tokenizer.apply_chat_template(
            body["messages"], tokenize=False, add_generation_prompt=True, **body.get("chat_template_kwargs", {})
        )
        places = self.written(tokenizer.encode(prompt, add_special_tokens=False), body["max_tokens"])
        content = [
            {
                "token": self.text(at),
                "logprob": float(chances[at]),
                "top_logprobs": [{"token": text, "logprob": value} for text, value in self.likeliest(chances)],
            }
            for at, chances in places
        ]
        text = "".join(self.text(at) for at, _ in places)
        return {"choices": [{"message": {"role": "assistant", "content": text}, "logprobs": {"content": content}}]}

    def moderations(self, body: dict[str, Any]) -> dict[str, Any]:
        scores = moderation_scores(self.model, body["input"])
        flagged = {name: score >= 0.5 for name, score in scores.items()}
        return {"results": [{"flagged": any(flagged.values()), "categories": flagged, "category_scores": scores}]}


def moderation_scores(model: Checkpoint, text: str) -> dict[str, float]:
    """A score a category, of the model's first logits after a text."""
    tokens = torch.tensor([model.render.encode(text)])
    with torch.inference_mode():
        logits = model.model(tokens).logits[0, -1].float()
    return {name: 1 / (1 + math.exp(-float(logits[300 + at]))) for at, name in enumerate(CATEGORIES)}


@contextmanager
def serving(model: Checkpoint) -> Iterator[tuple[str, Served]]:
    """Serve a model; gives the address up to /v1, and what came."""
    served = Served(model)
    served.held.set()
    answers = {"completions": served.completions, "chat/completions": served.chat, "moderations": served.moderations}

    async def answer(request: Request) -> Response:
        path = request.url.path.removeprefix("/v1/")
        served.paths.append(path)
        served.keys.append(request.headers.get("authorization", ""))
        body = json.loads(await request.body())
        served.bodies.append(body)
        await run_in_threadpool(served.held.wait)
        if served.answer is not None:
            return served.answer()
        return JSONResponse(await run_in_threadpool(answers[path], body))

    routes = [Route(f"/v1/{path}", answer, methods=["POST"]) for path in answers]
    config = uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1", served
        finally:
            served.held.set()
            server.should_exit = True
            thread.join()
