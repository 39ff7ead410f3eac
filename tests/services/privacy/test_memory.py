"""A text that comes again is not read again, and what is remembered has a bound."""

from services.privacy.detector import Detector
from services.privacy.memory import Memory
from services.privacy.spans import Span


class Counting(Detector):
    """Counts the texts it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def find(self, text: str) -> tuple[Span, ...]:
        self.read.append(text)
        return super().find(text)


def test_a_text_is_read_once_while_it_is_remembered() -> None:
    detector = Counting()
    memory = Memory(detector, characters=40)

    found = [memory.find("a@example.com") for _ in range(3)]
    assert detector.read == ["a@example.com"]
    assert found == [(Span(0, 13, "EMAIL"),)] * 3
    memory.find("x" * 30)
    memory.find("a@example.com")
    assert detector.read == ["a@example.com", "x" * 30, "a@example.com"]


def test_a_text_that_is_larger_than_the_bound_is_read_each_time() -> None:
    detector = Counting()
    memory = Memory(detector, characters=10)

    assert memory.find("a@example.com") == memory.find("a@example.com")
    assert len(detector.read) == 2
