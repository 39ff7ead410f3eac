"""What people say of each version's answers: a table of the Overview page."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboards.wording import version_name

_SIGNALS = ("copied", "regenerated", "abandoned")
_WHOLES = ("feedback", "thumbs", "ratings", "comparisons", *_SIGNALS)


def show_judgements(windows: pd.DataFrame) -> None:
    """Draw the table; nothing where nobody said anything."""
    table = by_version(windows)
    if table.empty:
        return
    st.subheader("Feedback", anchor=False)
    st.dataframe(table, hide_index=True, width="stretch", column_config=_columns(), key="judgements")


def by_version(windows: pd.DataFrame) -> pd.DataFrame:
    """Return counts, shares in percent and means of each version that somebody judged; what has no whole is missing."""
    names = [*_WHOLES, "feedback_correct", "thumbs_down", "rating_sum", "corrections", "edit_sum", "comparisons_won"]
    sums = windows.groupby("adapter_version", as_index=False)[[*names, "comparisons_lost"]].sum()
    sums = sums[sums[list(_WHOLES)].sum(axis=1) > 0]
    signals = sums[list(_SIGNALS)].sum(axis=1)
    decided = sums["comparisons_won"] + sums["comparisons_lost"]
    return pd.DataFrame(
        {
            "version": [version_name(version) for version in sums["adapter_version"]],
            "judged": sums["feedback"],
            "accuracy": _by(100 * sums["feedback_correct"], sums["feedback"]),
            "thumbs_down": _by(100 * sums["thumbs_down"], sums["thumbs"]),
            "rating": _by(sums["rating_sum"], sums["ratings"]),
            "corrected": _by(100 * sums["corrections"], sums["feedback"]),
            "distance": _by(sums["edit_sum"], sums["corrections"]),
            "preferred": _by(100 * sums["comparisons_won"], decided),
            **{signal: _by(100 * sums[signal], signals) for signal in _SIGNALS},
        }
    )


def _by(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _columns() -> dict[str, Any]:
    shares = {"accuracy": "accuracy", "thumbs_down": "thumbs down", "corrected": "corrected", "preferred": "preferred"}
    shares |= {signal: signal for signal in _SIGNALS}
    return {
        "judged": st.column_config.NumberColumn("judged answers", format="%d"),
        "rating": st.column_config.NumberColumn("mean rating", format="%.2f"),
        "distance": st.column_config.NumberColumn("edit distance", format="%.2f", help="Of corrected answers, 0 to 1."),
        **{name: st.column_config.NumberColumn(told, format="%.1f %%") for name, told in shares.items()},
    }
