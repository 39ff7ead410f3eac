"""`python -m training.methods.fit_file --rows ROWS --base NAME --out FOLDER`: fit an adapter to labelled chats.

For adapters made outside the loop, which then ask for the gate by a proposal.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from schemas.settings import Settings
from schemas.training_policy import Training
from services.models.threads import share_cores


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file: OpenAI-style messages and the answer they should have."""

    messages: list[dict[str, str]]
    label: str


def read_rows(file: Path) -> list[FileRow]:
    """Return the rows of a JSONL file.

    Raises:
        msgspec.DecodeError: A line is not of the form {"messages": [...], "label": "..."}.
    """
    return msgspec.json.Decoder(FileRow).decode_lines(file.read_bytes())


def main(arguments: list[str] | None = None) -> None:
    """Fit and leave the adapter at --out, which must not exist."""
    parser = argparse.ArgumentParser(prog="python -m training.methods.fit_file", description=__doc__)
    parser.add_argument("--rows", type=Path, required=True, help='JSONL of {"messages": [...], "label": "..."}')
    parser.add_argument("--base", required=True, help="name or folder of the base model")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--start", type=Path, help="adapter folder to go on from")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=7e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--top-layers", type=int, default=0)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    policy = Training(app="file", **{name: getattr(given, name) for name in _POLICY_FIELDS})
    share_cores(os.environ)
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Imported only now: torch and transformers read the variables set above when they are.
    from services.models.base import base_model_folder
    from training.methods.encoding import Lesson
    from training.methods.fit import Lessons, fit

    base = base_model_folder(given.base, Settings.from_environment().data)
    rows = [Lesson(row.messages, row.label) for row in read_rows(given.rows)]
    lessons = Lessons(rows, sorted({row.answer for row in rows}), start=given.start)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.out.parent, prefix=f".{given.out.name}-") as work:
        made = fit(base, lessons, policy, work=Path(work), on_progress=lambda progress: print(progress, flush=True))
        shutil.copytree(made, given.out)


_POLICY_FIELDS = ("steps", "batch_size", "learning_rate", "rank", "top_layers", "max_tokens", "seed")


if __name__ == "__main__":
    main()
