"""The *Try it* box: paste a prompt, an answer or both, and see what the app's scorers say."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboards.scores.trying import LONGEST, NothingToTry, Tried, has_guards, try_scorers
from dashboards.wording import number, plain


def show(app: str, key: str) -> None:
    """Draw the box."""
    with st.expander("Try it: what would this app's scorers say?", key=f"{key}-try"):
        st.caption("Scored in this page; nothing is recorded. The first try loads the scorers.")
        left, right = st.columns(2)
        prompt = left.text_area("Prompt", key=f"{key}-prompt", max_chars=LONGEST)
        answer = right.text_area("Answer", key=f"{key}-answer", max_chars=LONGEST)
        guards = has_guards(app) and st.checkbox("Ask the guards too, which takes longer", key=f"{key}-guards")
        if st.button("Score", key=f"{key}-go") and (prompt or answer):
            try:
                st.session_state[f"{key}-tried"] = try_scorers(app, prompt=prompt, answer=answer, guards=guards)
            except NothingToTry as error:
                st.warning(plain(str(error)))
        if f"{key}-tried" in st.session_state:
            _told(*st.session_state[f"{key}-tried"])


def _told(tried: Sequence[Tried], lacking: Sequence[str]) -> None:
    rows = [
        {
            "score": plain(one.score.name),
            "value": number(one.score.value) if one.score.value is not None else "",
            "label": plain(one.score.label),
            "categories": plain(", ".join(one.score.categories)),
            "not judged": plain(one.score.unjudged),
            "ms": f"{one.latency_ms:.1f}",
            "scorer": plain(one.scorer),
        }
        for one in tried
    ]
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True)
    for error in lacking:
        st.caption(plain(error))
