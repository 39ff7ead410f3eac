"""How a process with a model shares the machine. No torch here: this must run before torch is imported."""

from collections.abc import MutableMapping

THREADS = "DRIFTLOOP_MODEL_THREADS"


def share_cores(environment: MutableMapping[str, str]) -> None:
    """Make torch's threads sleep while they wait for each other; call before torch is imported.

    By default they spin, and with a trainer, a server and a broker on two cores each spins while the
    thread it waits for is not running: training steps of 1 s were seen to take 36 s. The
    variables that OpenMP itself reads win over ours; DRIFTLOOP_MODEL_THREADS sets the number of threads.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    threads = environment.get(THREADS, "")
    if threads.isdigit() and int(threads):
        environment.setdefault("OMP_NUM_THREADS", threads)
