"""An app's labels as a constraint that its upstream understands, for chats that ask for no form themselves. Pure.

The answer stays the bare label. OpenAI's strict `response_format` can't ask for that, since what it
shapes is JSON, so it is none of the dialects.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from schemas.configuration import App
from services.gateway.wire.formats.members import Cut, Members, addition

Dialect = Literal["vllm", "llama.cpp", "none"]
_FORMS = frozenset(
    {
        "continue_final_message",
        "ebnf",
        "functions",
        "grammar",
        "json_schema",
        "regex",
        "response_format",
        "structured_outputs",
        "tools",
    }
)
_OLDER_FORMS = "guided_"
_NOTHING = (b"null", b"[]", b"{}", b"false", b'""')
_ESCAPED = {'"': '\\"', "\\": "\\\\"}


class Constraint(NamedTuple):
    """A member of the request's body, its value encoded."""

    name: str
    value: bytes


def constraint_of(app: App) -> Constraint | None:
    """Return what holds an app's answers to its labels.

    None without a dialect, and where the labels leave nothing to choose: model servers refuse that.
    """
    labels = tuple(dict.fromkeys(app.labels))
    dialect = dialect_of(app)
    if dialect == "none" or len(labels) < 2 or not all(labels):
        return None
    return _WRITTEN[dialect](labels)


def dialect_of(app: App) -> Dialect:
    """Return how the app's upstream is told a constraint; `auto` knows driftloop's own model server alone."""
    if app.constrain != "auto":
        return app.constrain
    return "none" if app.upstreams else "vllm"


def constraint_cuts(data: bytes, members: Members, constraint: Constraint | None) -> tuple[Cut, ...]:
    """Return the cuts that add a constraint to a request, none when it says itself what form its answer has."""
    if constraint is None or any(_asks_for_a_form(name, data[at.value : at.end]) for name, at in members.items()):
        return ()
    at = members.get(constraint.name)
    return (addition(data, *constraint) if at is None else Cut(at.value, at.end, constraint.value),)


def _asks_for_a_form(name: str, value: bytes) -> bool:
    return (name in _FORMS or name.startswith(_OLDER_FORMS)) and value not in _NOTHING


def _vllm(labels: Sequence[str]) -> Constraint:
    return Constraint("structured_outputs", msgspec.json.encode({"choice": labels}))


def _llama_cpp(labels: Sequence[str]) -> Constraint:
    alternatives = " | ".join(map(_literal, labels))
    return Constraint("grammar", msgspec.json.encode(f"root ::= {alternatives}"))


def _literal(label: str) -> str:
    """Return a label as a string of llama.cpp's grammars (GBNF)."""
    signs = (_ESCAPED.get(sign) or (sign if sign >= " " else f"\\x{ord(sign):02X}") for sign in label)
    return f'"{"".join(signs)}"'


_WRITTEN: dict[Dialect, Callable[[Sequence[str]], Constraint]] = {"vllm": _vllm, "llama.cpp": _llama_cpp}
