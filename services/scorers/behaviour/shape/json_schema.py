"""JSON Schema (draft 2020-12, and what older drafts say otherwise) on untrusted schemas and untrusted answers.

Whoever calls an application writes its schemas, so a judgement is bounded: each schema that is applied and each
alternative that is compared costs fuel, patterns are RE2's (linear, deterministic), references stay within the
schema. `format` is an annotation, as the standard has it by default.
"""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import msgspec
import re2

FUEL = 20_000
DEEPEST = 100
_UNSUPPORTED = ("$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties")
_READABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)


class Unusable(ValueError):
    """A schema or pattern can't judge; the message says why, without a word of it."""


class Fuel:
    """What a judgement may still cost."""

    __slots__ = ("depth", "left")

    def __init__(self, amount: int = FUEL) -> None:
        self.left, self.depth = amount, 0

    def burn(self, amount: int = 1) -> None:
        """Take some of it.

        Raises:
            Unusable: There is not enough.
        """
        self.left -= amount
        if self.left < 0:
            raise Unusable("the schema takes too long")


def pattern_of(text: str) -> "re2._Regexp[str]":
    """Return a compiled pattern.

    Raises:
        Unusable: RE2 does not know it (looking around, back references), or it is too large.
    """
    found = _compiled(text)
    if found is None:
        raise Unusable("a pattern that RE2 does not know")
    return found


@lru_cache(256)
def _compiled(text: str) -> "re2._Regexp[str] | None":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(text, options)
    except (re2.error, UnicodeEncodeError):
        return None


class JsonSchema:
    """A schema that judges values."""

    __slots__ = ("_root",)

    def __init__(self, text: str) -> None:
        """Read a schema.

        Raises:
            Unusable: The text is no JSON Schema.
        """
        try:
            self._root: Any = msgspec.json.decode(text)
        except _READABLE as error:
            raise Unusable("the schema is no JSON") from error
        if not isinstance(self._root, dict | bool):
            raise Unusable("the schema is no object")

    def holds(self, value: object, fuel: int = FUEL) -> bool:
        """Return whether a decoded JSON value is valid.

        Raises:
            Unusable: The schema is malformed, refers elsewhere, or takes more than `fuel`.
        """
        try:
            return _Judgement(self._root, Fuel(fuel)).holds(self._root, value)
        except (TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
            if isinstance(error, Unusable):
                raise
            raise Unusable("the schema is malformed") from error


class _Judgement:
    def __init__(self, root: Any, fuel: Fuel) -> None:
        self._root, self._fuel = root, fuel

    def holds(self, schema: Any, value: Any) -> bool:
        self._fuel.burn()
        if isinstance(schema, bool):
            return schema
        if any(name in schema for name in _UNSUPPORTED):
            raise Unusable("the schema has a keyword that is not judged")
        if self._fuel.depth >= DEEPEST:
            raise Unusable("the schema goes too deep")
        self._fuel.depth += 1
        valid = self._referred(schema, value) and self._plain(schema, value) and self._combined(schema, value)
        valid = valid and self._of_kind(schema, value)
        self._fuel.depth -= 1
        return valid

    def _of_kind(self, schema: dict[str, Any], value: Any) -> bool:
        if isinstance(value, str):
            return self._text(schema, value)
        if isinstance(value, list):
            return self._array(schema, value)
        if isinstance(value, dict):
            return self._object(schema, value)
        return isinstance(value, bool) or value is None or self._number(schema, value)

    def _referred(self, schema: dict[str, Any], value: Any) -> bool:
        place = schema.get("$ref")
        return place is None or self.holds(self._found(place), value)

    def _found(self, place: str) -> Any:
        if not place.startswith("#") or (len(place) > 1 and place[1] != "/"):
            raise Unusable("the schema refers to another document")
        found = self._root
        for step in place.split("/")[1:]:
            name = step.replace("%25", "%").replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(name)] if isinstance(found, list) else found[name]
            except (KeyError, IndexError) as error:
                raise Unusable("the schema refers to nothing") from error
        return found

    def _plain(self, schema: dict[str, Any], value: Any) -> bool:
        if "type" in schema:
            kinds = schema["type"]
            if not any(_is(kind, value) for kind in (kinds if isinstance(kinds, list) else [kinds])):
                return False
        if "enum" in schema:
            self._fuel.burn(len(schema["enum"]))
            if not any(equal(one, value) for one in schema["enum"]):
                return False
        return "const" not in schema or equal(schema["const"], value)

    def _combined(self, schema: dict[str, Any], value: Any) -> bool:
        def each(name: str) -> Iterable[bool]:
            return (self.holds(one, value) for one in schema.get(name, ()))

        if not all(each("allOf")) or ("anyOf" in schema and not any(each("anyOf"))):
            return False
        if "oneOf" in schema and sum(each("oneOf")) != 1:
            return False
        if "not" in schema and self.holds(schema["not"], value):
            return False
        branch = ("then" if self.holds(schema["if"], value) else "else") if "if" in schema else ""
        return branch not in schema or self.holds(schema[branch], value)

    def _number(self, schema: dict[str, Any], value: float) -> bool:
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        above, below = schema.get("exclusiveMinimum", -math.inf), schema.get("exclusiveMaximum", math.inf)
        # Draft 4 has flags in their place.
        above, low = (low, -math.inf) if above is True else (-math.inf if above is False else above, low)
        below, high = (high, math.inf) if below is True else (math.inf if below is False else below, high)
        step = schema.get("multipleOf")
        return low <= value <= high and above < value < below and (step is None or _is_multiple(value, step))

    def _text(self, schema: dict[str, Any], value: str) -> bool:
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
            return False
        return "pattern" not in schema or self._matches(schema["pattern"], value)

    def _matches(self, pattern: str, value: str) -> bool:
        self._fuel.burn(1 + len(value) // 64)
        return pattern_of(pattern).search(value) is not None

    def _array(self, schema: dict[str, Any], value: list[Any]) -> bool:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            return False
        items = schema.get("items", True)
        tuple_form = isinstance(items, list)
        first = items if tuple_form else schema.get("prefixItems", ())
        rest = schema.get("additionalItems", True) if tuple_form else items
        if not all(self.holds(one, item) for one, item in zip(first, value, strict=False)):
            return False
        if rest is not True and not all(self.holds(rest, item) for item in value[len(first) :]):
            return False
        if schema.get("uniqueItems") is True and not self._unique(value):
            return False
        return "contains" not in schema or self._contains(schema, value)

    def _contains(self, schema: dict[str, Any], value: list[Any]) -> bool:
        found = sum(self.holds(schema["contains"], item) for item in value)
        return bool(schema.get("minContains", 1) <= found <= schema.get("maxContains", math.inf))

    def _unique(self, value: list[Any]) -> bool:
        self._fuel.burn(len(value))
        return len({msgspec.json.encode(_canonical(item), order="sorted") for item in value}) == len(value)

    def _object(self, schema: dict[str, Any], value: dict[str, Any]) -> bool:
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", math.inf):
            return False
        needed = schema.get("required", ())
        self._fuel.burn(len(needed) // 8)
        if not all(name in value for name in needed):
            return False
        if "propertyNames" in schema and not all(self.holds(schema["propertyNames"], name) for name in value):
            return False
        return self._members(schema, value) and self._dependent(schema, value)

    def _members(self, schema: dict[str, Any], value: dict[str, Any]) -> bool:
        named, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        patterns = schema.get("patternProperties", {})
        for name, inner in value.items():
            found = [named[name]] if name in named else []
            found += [one for pattern, one in patterns.items() if self._matches(pattern, name)]
            if not all(self.holds(one, inner) for one in (found or ([] if rest is True else [rest]))):
                return False
        return True

    def _dependent(self, schema: dict[str, Any], value: dict[str, Any]) -> bool:
        for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
            dependencies = schema.get(keyword, {})
            self._fuel.burn(len(dependencies) // 8)
            for name, needed in dependencies.items():
                if name not in value:
                    continue
                held = all(one in value for one in needed) if isinstance(needed, list) else self.holds(needed, value)
                if not held:
                    return False
        return True


def equal(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal: 1 is 1.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(inner, other[name]) for name, inner in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_KINDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: not isinstance(value, bool) and _is_whole(value),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _is(kind: str, value: Any) -> bool:
    test = _KINDS.get(kind)
    if test is None:
        raise Unusable("the schema has an unknown type")
    return test(value)


def _is_multiple(value: float, step: float) -> bool:
    if step <= 0:
        raise Unusable("the schema is malformed")
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    quotient = value / step
    return math.isfinite(quotient) and quotient == int(quotient)


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_canonical(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
