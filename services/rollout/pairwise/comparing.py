"""Reads the answers of rollouts in shadow and has a judge compare them, in threads of its own.

While no rollout is watched nothing is read. Reading begins at the log's end, so what was answered while nobody
looked makes no pair. Pairs wait in a short queue, and what does not fit is dropped and counted: neither a slow
judge nor many answers hold anybody up, or take memory.
"""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing

from schemas.codec import BadElement
from schemas.inference import InferenceResponded
from schemas.rollout_policy import PairJudge
from services.clients.bus.decoding import decoded_elements
from services.clients.bus.errors import BusError
from services.clients.bus.message import Message
from services.clients.bus.tail import Tail
from services.parts.runtime.metrics import counter
from services.rollout.evidence.compared import Compared, Outcome, compared
from services.rollout.pairwise.asking import PairAsker
from services.rollout.pairwise.watches import AnsweredTwice, Pairing, Watch

log = logging.getLogger(__name__)

AT_ONCE = 4
QUEUE = 32
_POLL_S = 0.3
_RETRY_S = 1.0


class PairComparer:
    """Compares what is watched, from `start` to `close`.

    Args:
        open_tail: Opens the log of answers at its end; asked again when reading fails.
        environment: Has the endpoints' addresses and keys.
    """

    def __init__(self, open_tail: Callable[[], Tail], environment: Mapping[str, str]) -> None:
        self._open_tail, self._environment = open_tail, environment
        self._watches: dict[str, Watch] = {}
        self._askers: dict[PairJudge, PairAsker] = {}
        self._pairs: queue.Queue[AnsweredTwice] = queue.Queue(QUEUE)
        self._outcomes: queue.SimpleQueue[Compared] = queue.SimpleQueue()
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._watching, self._stopping = threading.Event(), threading.Event()
        workers = [threading.Thread(target=self._work, name=f"pairs-{n}", daemon=True) for n in range(AT_ONCE)]
        self._threads = [threading.Thread(target=self._run, name="pairs", daemon=True), *workers]

    def start(self) -> None:
        """Begin; nothing is read before something is watched."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop; a call to a judge that is under way is left behind, and its pair was never shown."""
        self._stopping.set()
        self._watching.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=0.5)

    def watch(self, watches: Iterable[Watch]) -> None:
        """Say what is compared from now on."""
        self._watches = {watch.app: watch for watch in watches if watch.left > 0}
        if self._watches:
            self._watching.set()
        else:
            self._watching.clear()

    def outcomes(self) -> list[Compared]:
        """Return what was compared since the last time."""
        found = []
        while not self._outcomes.empty():
            found.append(self._outcomes.get_nowait())
        with self._lock:
            self._under_way -= Counter(one.rollout_id for one in found)
        return found

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._watching.wait()
            try:
                with closing(self._open_tail()) as tail:
                    self._follow(tail)
            except BusError as error:
                log.warning("answers can't be read, no pairs are compared: %s", error)
                self._stopping.wait(_RETRY_S)
            except Exception:  # the loop of a worker: it logs and goes on
                log.exception("comparing pairs failed; starting over")
                self._stopping.wait(_RETRY_S)

    def _follow(self, tail: Tail) -> None:
        pairing = Pairing()
        while self._watches and not self._stopping.is_set():
            for message in tail.poll(_POLL_S):
                self._take(pairing, message)

    def _take(self, pairing: Pairing, message: Message) -> None:
        for answered in decoded_elements(message):
            if isinstance(answered, BadElement) or not isinstance(answered, InferenceResponded):
                continue
            watch = self._watches.get(answered.app)
            pair = pairing.met(watch, answered) if watch else None
            if pair is not None:
                self._offer(pair)

    def _offer(self, pair: AnsweredTwice) -> None:
        watch = pair.watch
        with self._lock:
            if self._under_way[watch.rollout_id] >= watch.left:
                return
            try:
                self._pairs.put_nowait(pair)
            except queue.Full:
                counter("driftloop_rollout_pairs_total").labels(watch.app, "dropped").inc()
            else:
                self._under_way[watch.rollout_id] += 1

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._watching.wait()
            try:
                pair = self._pairs.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            watch = self._watches.get(pair.watch.app)
            if watch is None or watch.rollout_id != pair.watch.rollout_id:
                continue  # its rollout has left shadow: nobody waits for the word
            outcome = self._judged(pair)
            counter("driftloop_rollout_pairs_total").labels(pair.watch.app, str(outcome)).inc()
            self._outcomes.put(compared(pair.watch.app, pair.watch.rollout_id, pair.request_id, outcome))

    def _judged(self, pair: AnsweredTwice) -> Outcome:
        try:
            return self._asker(pair.watch.judge).outcome(pair)
        except Exception:  # the loop of a worker: it logs and goes on
            log.exception("a pair of rollout %s could not be compared", pair.watch.rollout_id)
            return Outcome.UNJUDGED

    def _asker(self, judge: PairJudge) -> PairAsker:
        with self._lock:
            if judge not in self._askers:
                self._askers[judge] = PairAsker(judge.endpoint, self._environment)
            return self._askers[judge]
