"""Direct preference optimisation by trl (Rafailov et al. 2023): to prefer one answer to another.

What it compares with is the model it began with: the served version's adapter, else the base.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from schemas.training_policy import Training
from training.data.dataset import Example
from training.methods.adapters import Trainable
from training.methods.arguments import arguments_of
from training.methods.fitting import Ready
from training.methods.lessons import Lessons
from training.methods.rows.rounds import laid_out
from training.methods.rows.written import Encoder, Told, must_teach, pairs_of

_Pair = tuple[Told, Told]


def prepare(there: Trainable, lessons: Lessons, policy: Training, work: Path) -> Ready:
    """Return the trainer that learns which of two answers is better."""
    encoder = Encoder(there, policy)
    pairs, left_out = _pairs(encoder, lessons.train)
    must_teach(pairs, left_out=left_out, method="dpo", of="pairs of a better and a worse answer")
    watched, _ = _pairs(encoder, lessons.validation)
    lengths = [len(better.prompt) + max(len(better.answer), len(worse.answer)) for better, worse in pairs]
    order = laid_out(lengths, [better.weight for better, _ in pairs], policy)
    trainer = _Preferring(
        model=there.model,
        processing_class=there.tokenizer,
        args=DPOConfig(
            **arguments_of(policy, "dpo", work, evaluated=bool(watched)),
            beta=policy.beta,
            max_length=None,
            train_sampling_strategy="sequential",
        ),
        train_dataset=Dataset.from_list([_row(pairs[at]) for at in order]),
        eval_dataset=Dataset.from_list([_row(pair) for pair in watched]) if watched else None,
    )
    return Ready(trainer, bool(watched), left_out)


def _pairs(encoder: Encoder, examples: Sequence[Example]) -> tuple[list[_Pair], int]:
    every = [
        (encoder.told(example, better), encoder.told(example, worse, wanted=False))
        for example, better, worse in pairs_of(examples)
    ]
    kept = [pair for pair in every if encoder.fits(*pair)]
    return kept, len(every) - len(kept)


def _row(pair: _Pair) -> dict[str, list[int]]:
    better, worse = pair
    return {"prompt_ids": better.prompt, "chosen_ids": better.answer, "rejected_ids": worse.answer}


class _Preferring(DPOTrainer):  # type: ignore[misc]  # trl carries no types
    """trl's trainer on rows that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _send_telemetry(self) -> None:
        """Tell nobody."""
