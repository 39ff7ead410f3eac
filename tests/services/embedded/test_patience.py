from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.embedded.logfile import last_line, rotate
from services.embedded.patience import Patience, pause_before_restart


@given(st.integers(0, 10_000))
def test_pauses_grow_up_to_their_bound(number: int) -> None:
    here, next_ = (pause_before_restart(Patience(), n) for n in (number, number + 1))
    assert Patience().first_pause <= here <= next_ <= Patience().longest_pause


def test_a_log_past_its_bound_is_moved_and_the_writer_goes_on_at_its_start(tmp_path: Path) -> None:
    log = tmp_path / "sink.log"
    with log.open("ab") as writer:
        writer.write(b"x" * 100)
        writer.flush()
        assert not rotate(log, 100)
        assert rotate(log, 99)
        writer.write(b"next\n")
    assert log.read_bytes() == b"next\n"
    assert (tmp_path / "sink.log.1").read_bytes() == b"x" * 100


def test_the_last_line_that_says_something_is_found(tmp_path: Path) -> None:
    log = tmp_path / "sink.log"
    assert last_line(log) == ""
    log.write_text("first\nlast\n\n  \n")
    assert last_line(log) == "last"
