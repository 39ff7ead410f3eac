"""How often a process looks for garbage in cycles."""

import gc

ALLOCATIONS = 50_000  # between two looks at what is young; Python's own is 700


def collect_seldom() -> None:
    """Look for cycles seldom: events and rows make none, and looking at them again and again costs time.

    What is there now, modules above all, is not looked at any more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 20)
