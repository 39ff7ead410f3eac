"""What may be committed."""

from stream_processors.frame.delivery import Source
from stream_processors.frame.ledger import Ledger

ONE = Source("topic", 1)


def assigned() -> Ledger:
    ledger = Ledger()
    ledger.assign([ONE])
    return ledger


def test_nothing_is_committable_before_something_was_dealt_with() -> None:
    assert assigned().committable(ONE) is None


def test_what_was_dealt_with_is_committable() -> None:
    ledger = assigned()
    ledger.advance(ONE, 5, epoch=ledger.epoch)
    assert ledger.committable(ONE) == 5


def test_a_revoked_partition_is_not_committed() -> None:
    ledger = assigned()
    ledger.advance(ONE, 5, epoch=ledger.epoch)
    ledger.revoke([ONE])
    assert ledger.committable(ONE) is None


def test_work_begun_under_an_earlier_assignment_moves_nothing() -> None:
    ledger = assigned()
    begun = ledger.epoch
    ledger.revoke([ONE])
    ledger.assign([ONE])
    ledger.advance(ONE, 5, epoch=begun)
    assert ledger.committable(ONE) is None


def test_a_frozen_ledger_commits_nothing_any_more() -> None:
    ledger = assigned()
    ledger.freeze()
    ledger.advance(ONE, 5, epoch=ledger.epoch)
    assert ledger.committable(ONE) is None


def test_it_is_known_that_partitions_were_revoked_and_none_assigned_yet() -> None:
    ledger = assigned()
    ledger.revoke([ONE])
    assert ledger.between
    ledger.assign([])
    assert not ledger.between
