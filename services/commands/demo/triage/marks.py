"""What an answer in JSON is worth: F1 of its fields, the primary metric of apps that extract."""

from collections.abc import Mapping

import msgspec

_OBJECT = msgspec.json.Decoder(dict[str, object])


def field_f1(answer: str, right: Mapping[str, str]) -> float:
    """Return F1 of the fields of an answer: 2 · right ones / (given + wanted); 0 where it is no JSON object.

    Example:
        >>> field_f1('{"category": "jailbreak", "severity": "low"}', {"category": "jailbreak", "severity": "high"})
        0.5
    """
    try:
        given = _OBJECT.decode(answer)
    except msgspec.DecodeError:
        return 0.0
    if not given and not right:
        return 1.0
    hits = sum(name in given and given[name] == value for name, value in right.items())
    return 2 * hits / (len(given) + len(right))
