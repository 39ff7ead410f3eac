"""The logs of the children: appended, and bounded in size."""

import shutil
from pathlib import Path

MOST_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 4096


def log_path(data: Path, name: str) -> Path:
    """Return where a child's output goes."""
    return data / "logs" / f"{name}.log"


def rotate(path: Path, most_bytes: int = MOST_BYTES) -> bool:
    """Move a log that has grown past its bound to <name>.log.1; return whether it had.

    It is copied and emptied rather than renamed: the child keeps writing to the file that it has
    open, at its end. Lines written between the two steps are lost.
    """
    if not path.exists() or path.stat().st_size <= most_bytes:
        return False
    shutil.copyfile(path, path.with_suffix(".log.1"))
    with path.open("r+b") as file:
        file.truncate(0)
    return True


def last_line(path: Path) -> str:
    """Return the last line that says something, or an empty string."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")
