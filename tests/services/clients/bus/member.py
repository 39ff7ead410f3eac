"""python -m tests.services.clients.bus.member GROUP TOPIC: a group member that says what it holds and may be killed.

Prints one line whenever its partitions change: their numbers, in order. Commits all that it reads.
"""

import sys

from schemas.settings import Settings
from services.clients.bus.consumer import Consumer


def main(group: str, topic: str) -> None:
    """Read until killed."""
    consumer = Consumer(Settings.from_environment(), group, [topic])
    told = -1
    while True:
        read = consumer.poll(0.2)
        consumer.commit()
        if consumer.assigned and consumer.epoch != told:
            told = consumer.epoch
            print("holds", flush=True)
        for message in read:
            print(message.partition, (message.value or b"").decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
