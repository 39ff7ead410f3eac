"""Kahneman-Tversky optimisation by trl (Ethayarajh et al. 2024): from answers that were wanted or not, unpaired.

What it compares with is the model it began with: the served version's adapter, else the base.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import KTOConfig, KTOTrainer

from schemas.training_policy import Training
from training.data.dataset import Example
from training.methods.adapters import Trainable
from training.methods.arguments import arguments_of
from training.methods.fitting import Ready
from training.methods.lessons import Lessons
from training.methods.rows.rounds import laid_out
from training.methods.rows.written import Encoder, Told, judged_of, must_teach


def prepare(there: Trainable, lessons: Lessons, policy: Training, work: Path) -> Ready:
    """Return the trainer that learns from thumbs."""
    encoder = Encoder(there, policy)
    told, left_out = _told(encoder, lessons.train)
    must_teach(told, left_out=left_out, method="kto", of="answers that were wanted or not")
    watched, _ = _told(encoder, lessons.validation)
    order = laid_out([len(one.prompt) + len(one.answer) for one in told], [one.weight for one in told], policy)
    wanted, unwanted = _balance([told[at] for at in order])
    trainer = _Judging(
        model=there.model,
        processing_class=there.tokenizer,
        args=KTOConfig(
            **arguments_of(policy, "kto", work, evaluated=bool(watched)),
            beta=policy.beta,
            desirable_weight=wanted,
            undesirable_weight=unwanted,
            max_length=None,
        ),
        train_dataset=Dataset.from_list(_rows([told[at] for at in order], policy.batch_size)),
        eval_dataset=Dataset.from_list(_rows(watched, policy.batch_size)) if watched else None,
    )
    return Ready(trainer, bool(watched), left_out)


def _told(encoder: Encoder, examples: Sequence[Example]) -> tuple[list[Told], int]:
    every = [encoder.told(example, answer, wanted=wanted) for example, answer, wanted in judged_of(examples)]
    kept = [one for one in every if encoder.fits(one)]
    return kept, len(every) - len(kept)


def _balance(told: Sequence[Told]) -> tuple[float, float]:
    """Return the weights of wanted and unwanted answers that let both sides weigh alike, the rarer more (eq. 8)."""
    wanted = sum(one.wanted for one in told)
    unwanted = len(told) - wanted
    if not wanted or not unwanted:
        return 1.0, 1.0
    return max(1.0, unwanted / wanted), max(1.0, wanted / unwanted)


def _rows(told: Sequence[Told], batch: int) -> list[dict[str, Any]]:
    """Return rows that carry, besides their own answer, that of their neighbour in the batch: its KL is estimated on
    answers that do not belong to their prompts."""
    rows = []
    for start in range(0, len(told), batch):
        together = told[start : start + batch]
        for at, one in enumerate(together):
            rows.append(
                {
                    "prompt_ids": one.prompt,
                    "completion_ids": one.answer,
                    "KL_completion_ids": together[at - 1].answer,
                    "label": one.wanted,
                }
            )
    return rows


class _Judging(KTOTrainer):  # type: ignore[misc]  # trl carries no types
    """trl's trainer on rows that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _send_telemetry(self) -> None:
        """Tell nobody."""
