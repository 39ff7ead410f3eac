"""A report for people: how recent traffic differs from earlier traffic, by Evidently, as one HTML file.

Off the critical path: it is made after the version is announced, at the lowest priority, and a kill
loses nothing but the report.
"""

import os
import warnings
from pathlib import Path

import pandas as pd

from services.scorers.prompts import PromptScorers
from training.data.dataset import Dataset, Example

MIN_ROWS = 20
REPORT = "drift.html"


def write_report(dataset: Dataset, data: Path, folder: Path) -> Path | None:
    """Return the file of the report in `folder`, None when either side has fewer than MIN_ROWS prompts."""
    recent = [example for example in dataset.examples if example.recent]
    earlier = [example for example in dataset.examples if not example.recent]
    if min(len(recent), len(earlier)) < MIN_ROWS:
        return None
    scorers = PromptScorers.load(data)
    current, reference = described(recent, scorers), described(earlier, scorers)
    os.environ["DO_NOT_TRACK"] = "1"
    with warnings.catch_warnings():
        # Its dependencies warn of their own future; nothing a reader of the report can mend.
        warnings.simplefilter("ignore")
        # 6.5 s of imports, which only this step needs.
        from evidently import Report
        from evidently.presets import DataDriftPreset

        file = folder / REPORT
        Report([DataDriftPreset()]).run(current, reference).save_html(str(file))
    return file


def described(examples: list[Example], scorers: PromptScorers) -> pd.DataFrame:
    """Return one row a prompt: lengths, scores, label and slice, no text."""
    texts = [example.prompt for example in examples]
    _, scores = scorers.score(texts)
    return pd.DataFrame(
        {
            "characters": [len(text) for text in texts],
            "words": [len(text.split()) for text in texts],
            **scores,
            "label": [example.label for example in examples],
            "slice": [example.slice or "none" for example in examples],
        }
    )
