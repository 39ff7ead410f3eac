"""JSON Schema of every event, generated from the structs: `python -m schemas.jsonschema`.

The files in the folder schemas/jsonschema are what other languages build against; a test keeps them
equal to what this module generates.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas.topics import TOPICS, Topic

FOLDER = Path(__file__).parent / "jsonschema"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(topic: Topic) -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a topic's messages."""
    return {"$schema": _DIALECT, "title": topic.name, **msgspec.json.schema(topic.record)}


def text_of(topic: Topic) -> str:
    """Return the file's text for a topic."""
    return json.dumps(json_schema(topic), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    for topic in TOPICS:
        (FOLDER / f"{topic.name}.json").write_text(text_of(topic))


if __name__ == "__main__":
    main()
