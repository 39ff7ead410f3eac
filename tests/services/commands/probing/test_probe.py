import threading
import time
from collections.abc import Callable, Iterator

import pytest

from services.commands.probing.probe import Finding, NotYet, Probe, Wrong, side_by_side


@pytest.fixture
def hang() -> Iterator[Callable[[], str]]:
    """A question that nobody answers before the test is over."""
    over = threading.Event()

    def ask() -> str:
        over.wait()
        return "too late"

    yield ask
    over.set()


def _raises(error: Exception) -> Callable[[], str]:
    def ask() -> str:
        raise error

    return ask


def test_findings_come_in_order_whatever_they_are() -> None:
    asked: list[tuple[Callable[[], str], Finding]] = [
        (lambda: "answers", Finding("ok", "answers")),
        (_raises(NotYet("not running")), Finding("later", "not running")),
        (_raises(Wrong("refuses us")), Finding("wrong", "refuses us")),
    ]
    probes = [Probe("part", "here", ask) for ask, _ in asked]
    assert list(side_by_side(probes, 60)) == list(zip(probes, [finding for _, finding in asked], strict=True))


def test_the_text_of_a_library_s_own_error_is_not_shown() -> None:
    ((_, finding),) = side_by_side([Probe("part", "here", _raises(KeyError("http://me:s3cret@host")))], 60)
    assert finding == Finding("wrong", "it ends with KeyError")


def test_many_that_hang_are_waited_for_together(hang: Callable[[], str]) -> None:
    began = time.monotonic()
    findings = [finding for _, finding in side_by_side([Probe("part", "here", hang)] * 100, 0.2)]
    assert findings == [Finding("wrong", "no answer within 0.2 s")] * 100
    assert time.monotonic() - began < 100 * 0.2


def test_one_that_hangs_keeps_nobody_from_being_told(hang: Callable[[], str]) -> None:
    probes = [Probe("silent", "here", hang), Probe("well", "here", lambda: "answers")]
    assert [finding.mark for _, finding in side_by_side(probes, 2)] == ["wrong", "ok"]
