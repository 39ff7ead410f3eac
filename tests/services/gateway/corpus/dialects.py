"""How each server writes: its layout, its extra fields, its usage, its reasoning, its errors."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]
UPSTREAM_ID, UPSTREAM_MODEL = "up-7f3a9c", "base-model-x"


@dataclass(frozen=True)
class Counts:
    """What a call cost, as it is to be recorded."""

    input: int = 12
    output: int = 7
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Dialect:
    """One server's habits.

    Attributes:
        write: From a tree to bytes, in the server's layout.
        head: Fields of a whole answer beside id, model, choices and usage.
        first: Chunks before the first choice.
        reasoning: What it calls what the model thinks.
        sorted_head: `choices` stand first and `id` behind them.
        write_chunk: The layout of chunks, where it is another.
    """

    name: str
    write: Callable[[Tree], bytes]
    usage: Callable[[Counts], Tree]
    error: Callable[[int, str], Tree]
    head: Mapping[str, Any]
    message: Mapping[str, Any]
    choice: Mapping[str, Any]
    chunk: Mapping[str, Any]
    first: tuple[Mapping[str, Any], ...] = ()
    reasoning: str = "reasoning_content"
    sorted_head: bool = False
    write_chunk: Callable[[Tree], bytes] | None = None

    def line(self, tree: Tree) -> bytes:
        """Return a tree in one event, which is one line."""
        return b"data: " + (self.write_chunk or self.write)(tree) + b"\n\n"

    def whole(self, kind: str, choices: list[Tree], counts: Counts) -> bytes:
        """Return a whole answer."""
        return self.write(self._addressed(kind, choices, self.head) | {"usage": self.usage(counts)})

    def event(self, kind: str, choices: list[Tree], **fields: Any) -> bytes:
        """Return one chunk as a server-sent event."""
        return self.line(self._addressed(kind, choices, self.chunk) | fields)

    def _addressed(self, kind: str, choices: list[Tree], extra: Mapping[str, Any]) -> Tree:
        head = {"id": UPSTREAM_ID, "object": kind, "created": 1760000000, "model": UPSTREAM_MODEL}
        told = {"choices": choices}
        return (told | head if self.sorted_head else head | told) | dict(extra)


def _indented(tree: Tree) -> bytes:
    return json.dumps(tree, indent=2).encode()


def _compact(tree: Tree) -> bytes:
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")


def _escaped(tree: Tree) -> bytes:
    return json.dumps(tree, separators=(",", ":")).encode()


def _spaced(tree: Tree) -> bytes:
    return json.dumps(tree).encode()


def _detailed(counts: Counts) -> Tree:
    return {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning, "accepted_prediction_tokens": 0},
    }


def _bare(counts: Counts) -> Tree:
    told = {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
    }
    more = {"prompt_tokens_details": {"cached_tokens": counts.cached}} if counts.cached else {}
    spent = {"completion_tokens_details": {"reasoning_tokens": counts.reasoning}} if counts.reasoning else {}
    return told | more | spent


def _null_details(counts: Counts) -> Tree:
    told = _bare(counts)
    return {"prompt_tokens_details": None, "completion_tokens_details": None} | told


def _anthropic_in_litellm(counts: Counts) -> Tree:
    beside = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": counts.cached}
    return _detailed(counts) | beside


def _openai_error(status: int, message: str) -> Tree:
    return {"error": {"message": message, "type": "rate_limit_error", "param": None, "code": str(status)}}


def _filters() -> Tree:
    return {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}


OPENAI = Dialect(
    "openai",
    _indented,
    _detailed,
    _openai_error,
    head={"service_tier": "default", "system_fingerprint": "fp_44709d6fcb"},
    message={"refusal": None, "annotations": []},
    choice={"logprobs": None},
    chunk={"service_tier": "default", "system_fingerprint": "fp_44709d6fcb", "obfuscation": "aB3"},
    write_chunk=_escaped,
)
AZURE = Dialect(
    "azure",
    _escaped,
    _detailed,
    lambda status, message: {"error": {"code": str(status), "message": message}},
    head={"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _filters()}]},
    message={"annotations": [], "refusal": None},
    choice={"content_filter_results": _filters(), "logprobs": None},
    chunk={"system_fingerprint": "fp_ded0d14823"},
    first=(
        {
            "choices": [],
            "created": 0,
            "id": "",
            "model": "",
            "object": "",
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _filters()}],
        },
    ),
    sorted_head=True,
)
VLLM = Dialect(
    "vllm",
    _compact,
    _null_details,
    lambda status, message: {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}},
    head={"service_tier": None, "prompt_logprobs": None, "prompt_token_ids": None, "kv_transfer_params": None},
    message={"refusal": None, "annotations": None, "audio": None, "function_call": None, "tool_calls": []},
    choice={"logprobs": None, "stop_reason": None, "token_ids": None},
    chunk={"prompt_token_ids": None},
)
LLAMA_CPP = Dialect(
    "llama.cpp",
    _compact,
    _bare,
    lambda status, message: {"error": {"code": status, "message": message, "type": "invalid_request_error"}},
    head={"system_fingerprint": "b6700-1e8b", "timings": {"prompt_n": 12, "predicted_per_second": 97.4e0}},
    message={},
    choice={},
    chunk={"system_fingerprint": "b6700-1e8b"},
    sorted_head=True,
)
OLLAMA = Dialect(
    "ollama",
    _compact,
    _bare,
    lambda _, message: {"error": {"message": message, "type": "api_error", "param": None, "code": None}},
    head={"system_fingerprint": "fp_ollama"},
    message={},
    choice={},
    chunk={"system_fingerprint": "fp_ollama"},
    reasoning="reasoning",
)
LITELLM = Dialect(
    "litellm",
    _spaced,
    _anthropic_in_litellm,
    lambda status, message: {
        "error": {"message": f"litellm: {message}", "type": None, "param": None, "code": str(status)}
    },
    head={"system_fingerprint": None},
    message={"provider_specific_fields": {"citations": None}, "function_call": None, "tool_calls": None},
    choice={"provider_specific_fields": {}},
    chunk={"citations": None},
)
DIALECTS = (OPENAI, AZURE, VLLM, LLAMA_CPP, OLLAMA, LITELLM)
