"""Golden examples: one realistic message of each topic, made by hand, which every consumer must take."""

from importlib.resources import files

from schemas.topics import Topic


def golden(topic: Topic) -> bytes:
    """Return the example message of a topic."""
    return (files("schemas") / "golden" / f"{topic.name}.json").read_bytes()
