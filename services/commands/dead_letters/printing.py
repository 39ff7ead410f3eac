"""What `driftloop dead-letters` prints. Payloads only when asked for: they may hold what a user wrote."""

import sys
from datetime import UTC, datetime

from schemas.settings import Settings
from schemas.topics import TOPIC_BY_NAME
from services.commands.dead_letters.replay import NoSuchLetter, messages_of, replay, waiting_letters
from services.parts.letter import letter_of


def list_letters(settings: Settings, topic: str, limit: int) -> None:
    """Print the last letters that wait, a line each, and how many there are."""
    found = waiting_letters(settings, _topics(topic))
    for letter in found[-limit:]:
        again = f" (a replay of {letter.replayed_from})" if letter.replayed_from else ""
        print(f"{letter.id}  {letter.refused_at:%Y-%m-%dT%H:%M:%SZ}  {letter.bytes} bytes  {letter.reason}{again}")
    print(f"{len(found)} dead letters wait" + (f", the last {limit} are shown" if len(found) > limit else ""))


def show_letter(settings: Settings, letter_id: str, *, payload: bool) -> None:
    """Print what is known of a letter, and behind it its bytes as they are."""
    for message in messages_of(settings, letter_id):
        letter = letter_of(message)
        print(f"id: {letter.id}\ntopic id: {letter.topic_id}\nreason: {letter.reason}\nbytes: {letter.bytes}")
        print(f"refused at: {letter.refused_at:%Y-%m-%dT%H:%M:%SZ}")
        if letter.replayed_from:
            print(f"a replay of: {letter.replayed_from}")
        if payload:
            sys.stdout.flush()
            sys.stdout.buffer.write((message.value or b"") + b"\n")


def replay_letters(settings: Settings, letter_id: str, topic: str) -> None:
    """Send one letter, or those of a topic, or all that wait; print how many."""
    if letter_id:
        chosen = [letter_of(message) for message in messages_of(settings, letter_id)]
    else:
        chosen = waiting_letters(settings, _topics(topic))
    print(f"{replay(settings, chosen, datetime.now(UTC))} sent again")


def _topics(name: str) -> list[str]:
    if name and name not in TOPIC_BY_NAME:
        raise NoSuchLetter(f"no topic is called {name!r}; the topics are {', '.join(TOPIC_BY_NAME)}")
    return [name] if name else []
