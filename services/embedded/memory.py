"""How much memory the stack has taken at its highest."""

import os
import threading

import psutil


class MemoryPeak:
    """Sums the resident memory of this process and all its descendants once a second.

    Pages that processes share count once for each, so the figure errs upward.
    """

    def __init__(self, every_s: float = 1.0) -> None:
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-peak", daemon=True)
        self.peak_mb = 0.0

    def start(self) -> None:
        """Begin to measure."""
        self._thread.start()

    def stop(self) -> None:
        """Stop measuring; the peak stays."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.peak_mb = max(self.peak_mb, summed_rss_mb())
            self._ended.wait(self._every_s)


def summed_rss_mb(pid: int | None = None) -> float:
    """Return the resident memory of a process and its descendants now, in MB (10^6 bytes)."""
    total = 0
    root = psutil.Process(pid or os.getpid())
    for process in [root, *root.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:  # it ended between the list and the question
            continue
    return total / 1e6
