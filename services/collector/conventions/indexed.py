"""Messages that are spread over attributes with numbers in their names. Pure.

`gen_ai.prompt.N.*`, `gen_ai.completion.N.*` (OpenLLMetry, older OpenTelemetry) and
`llm.input_messages.N.message.*` with its contents and tool calls (OpenInference).
"""

from collections.abc import Mapping, Sequence

from services.collector.conventions.attributes import Attributes

Tree = dict[str, object]


def spread_messages(attributes: Attributes, prefixes: Sequence[str]) -> list[Tree]:
    """Return the messages under the first of several prefixes that has any, as OpenAI's JSON has them."""
    for prefix in prefixes:
        tree: Tree = {}
        for name, value in attributes.items():
            if name.startswith(prefix) and value is not None:
                _planted(tree, name.removeprefix(prefix).split("."), value)
        if found := [_message(node) for node in _listed(tree)]:
            return found
    return []


def _planted(tree: Tree, path: Sequence[str], value: object) -> None:
    node: object = tree
    for name in path[:-1]:
        node = node.setdefault(name, {}) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node.setdefault(path[-1], value)


def _listed(tree: object) -> list[Tree]:
    """Return the nodes under numbers, in the order of these."""
    if not isinstance(tree, dict):
        return []
    numbered = [(len(name), name, node) for name, node in tree.items() if name.isdecimal() and isinstance(node, dict)]
    return [node for _, _, node in sorted(numbered, key=lambda found: found[:2])]


def _message(node: Tree) -> Tree:
    message = _inner(node, "message")
    parts = [_part(_inner(part, "message_content")) for part in _listed(message.get("contents"))]
    calls: list[Tree] = [dict(_inner(call, "tool_call")) for call in _listed(message.get("tool_calls"))]
    if "function_call_name" in message:
        arguments = message.get("function_call_arguments_json")
        calls.append({"name": message["function_call_name"], "arguments": arguments})
    return {**message, "content": message.get("content") or parts, "tool_calls": calls}


def _part(content: Mapping[str, object]) -> Tree:
    image = _inner(_inner(dict(content), "image"), "image")
    return {**content, "uri": image.get("url")}


def _inner(node: Tree, name: str) -> Tree:
    inner = node.get(name)
    return inner if isinstance(inner, dict) else node
