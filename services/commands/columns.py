"""Lines of a list for people, in columns. Pure."""

from collections.abc import Sequence


def in_columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows under their heads, each column as wide as its widest cell; an empty cell shows as a dash."""
    lines = [head, *(tuple(cell or "-" for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
