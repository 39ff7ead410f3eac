"""`python -m training.methods.fit_file --rows ROWS --base NAME --out FOLDER`: fit an adapter to chats in a file.

For adapters made outside the loop, which then ask for the gate by a proposal, and for whole models (`--adapter full`),
which become a base: an app names their folder as its `base_model`.
"""

import argparse
import os
import shutil
import tempfile
import typing
from pathlib import Path
from typing import Any

import msgspec

from schemas.inference import Message
from schemas.settings import Settings
from schemas.training_policy import Training
from services.models.threads import share_cores
from training.data.dataset import Example, Kind


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file: OpenAI-style messages, and the answer they should have had.

    Attributes:
        label: For `choices`.
        answer: For the others: what to write, or what was judged.
        rejected: For `dpo`: the worse answer.
        wanted: For `kto`: whether the answer was.
    """

    messages: tuple[Message, ...]
    label: str = ""
    answer: str = ""
    rejected: str = ""
    wanted: bool = True

    def example(self, at: int) -> Example:
        """Return the row as training takes it; `at` is its line."""
        kind: Kind = "label" if self.label else "pair" if self.rejected else "wanted" if self.wanted else "unwanted"
        return Example(
            request_id=f"line-{at}",
            messages=self.messages,
            prompt=self.messages[-1].text if self.messages else "",
            label=self.label,
            slice="",
            recent=True,
            split="train",
            kind=kind,
            answer=_said(self.answer),
            rejected=_said(self.rejected),
        )


def read_rows(file: Path) -> list[Example]:
    """Return the rows of a JSONL file.

    Raises:
        msgspec.DecodeError: A line is no FileRow.
    """
    lines = msgspec.json.Decoder(FileRow).decode_lines(file.read_bytes())
    return [row.example(at) for at, row in enumerate(lines, 1)]


def main(arguments: list[str] | None = None) -> None:
    """Fit and leave the adapter at --out, which must not exist."""
    given = _parser().parse_args(arguments)
    policy = Training(app="file", **{name: getattr(given, name) for name in _POLICY_FIELDS})
    share_cores(os.environ)
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Imported only now: torch and transformers read the variables set above when they are.
    from services.models.base import base_model_folder
    from training.methods.catalogue import method_named
    from training.methods.lessons import Lessons

    base = base_model_folder(given.base, Settings.from_environment().data)
    rows = read_rows(given.rows)
    lessons = Lessons(rows, sorted({row.label for row in rows if row.label}), start=given.start)
    method = method_named(policy.method_for("classify"))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.out.parent, prefix=f".{given.out.name}-") as work:
        made = method.fit(base, lessons, policy, work=Path(work), on_progress=lambda done: print(done, flush=True))
        shutil.copytree(made, given.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.methods.fit_file", description=__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="JSONL of messages with label, answer or rejected")
    parser.add_argument("--base", required=True, help="name or folder of the base model")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--start", type=Path, help="adapter folder to go on from")
    parser.add_argument("--method", choices=["choices", "sft", "dpo", "kto"], default="choices")
    parser.add_argument("--adapter", choices=_ADAPTERS, default="lora")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=0.0, help="0 means what suits method and adapter")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--top-layers", type=int, default=0)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--seed", type=int, default=7)
    return parser


def _said(text: str) -> Message | None:
    return Message(role="assistant", content=text) if text else None


_ADAPTERS: tuple[Any, ...] = typing.get_args(typing.get_type_hints(Training)["adapter"])
_POLICY_FIELDS = (
    "method",
    "adapter",
    "steps",
    "batch_size",
    "learning_rate",
    "rank",
    "top_layers",
    "max_tokens",
    "seed",
)


if __name__ == "__main__":
    main()
