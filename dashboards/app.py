"""The dashboard's frame: navigation, the choice of app, and one refreshing page at a time."""

import streamlit as st

from dashboards.reader import Reader, Unreachable
from dashboards.views import drift, loop, overview, safety, training

REFRESH = "2s"
PAGES = {
    "Loop": (loop.show, ":material/sync:"),
    "Overview": (overview.show, ":material/monitoring:"),
    "Safety": (safety.show, ":material/shield:"),
    "Drift": (drift.show, ":material/trending_up:"),
    "Training & rollouts": (training.show, ":material/rocket_launch:"),
}


def main() -> None:
    """Draw the chosen page; everything below the title refreshes by itself."""
    st.set_page_config(page_title="driftloop", page_icon=":material/sync:", layout="wide")
    pages = [
        st.Page(_page(title), title=title, icon=icon, url_path=title.split()[0].lower(), default=title == "Loop")
        for title, (_, icon) in PAGES.items()
    ]
    st.navigation(pages).run()


def _page(title: str):  # type: ignore[no-untyped-def]  # Streamlit takes any callable as a page
    def draw() -> None:
        st.title(title)
        _live(title)

    draw.__name__ = title.split()[0].lower()
    return draw


@st.fragment(run_every=REFRESH)
def _live(title: str) -> None:
    try:
        reader = _reader()
        apps = reader.apps()
        if not apps:
            st.info(
                "No traffic yet. Point a client at the gateway (see the README) or run `driftloop demo`; "
                "this page fills by itself."
            )
            return
        app = apps[0] if len(apps) == 1 else st.sidebar.selectbox("Application", apps)
        PAGES[title][0](reader.about(app))
    except Unreachable:
        st.session_state.pop("reader", None)
        st.warning("The warehouse does not answer. This page tries again every two seconds.")


def _reader() -> Reader:
    if "reader" not in st.session_state:
        st.session_state["reader"] = Reader.connect()
    reader: Reader = st.session_state["reader"]
    return reader


main()
