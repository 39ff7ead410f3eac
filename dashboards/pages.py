"""What all pages share: heading, choice of app and span, the refreshing part, and calm words when there is nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from dashboards.reader import About, Reader, Span, Unreachable
from dashboards.views import drift, loop, overview, quality, safety, training
from dashboards.wording import clock

REFRESH = "2s"
SPANS = {
    "15 minutes": Span(15, 10),
    "1 hour": Span(60, 10),
    "6 hours": Span(360, 60),
    "24 hours": Span(1440, 300),
}
DEFAULT_SPAN = "1 hour"
EMPTY = (
    "No traffic yet. Point a client at the gateway or run `driftloop demo`, and this page fills by itself. "
    "The README shows how."
)
DOWN = "The warehouse does not answer at the moment. This page asks again every two seconds."
STYLE = """<style>
.stMainBlockContainer { padding-top: 4rem; padding-bottom: 3rem; max-width: 1500px; }
.stMainBlockContainer h1 { font-size: 2rem; padding-bottom: 0; }
/* What is about to be replaced by the same with newer numbers must not fade meanwhile. */
[data-stale="true"], .stExpander summary { opacity: 1 !important; transition: none !important; }
.stTable td { overflow-wrap: anywhere; }
.stTable td:first-child { overflow-wrap: normal; white-space: nowrap; }
.dl-live { position: fixed; top: 1.15rem; right: 4.5rem; z-index: 999991; font-size: .8rem; opacity: .6;
  font-variant-numeric: tabular-nums; }
.dl-live::before { content: ""; display: inline-block; width: .5rem; height: .5rem; margin-right: .4rem;
  border-radius: 50%; background: #1e7d4f; }
</style>"""


@dataclass(frozen=True, slots=True)
class Page:
    """A room of the dashboard.

    Attributes:
        about: What it answers, in one line.
        spanned: Whether it looks back over a span that one chooses.
    """

    title: str
    icon: str
    about: str
    show: Callable[[About, Span], None]
    spanned: bool = True


PAGES = (
    Page("Loop", ":material/sync:", "What happened, and what the system did about it.", loop.show),
    Page("Overview", ":material/monitoring:", "Volume, failures, latency, tokens and cost by version.", overview.show),
    Page("Safety", ":material/shield:", "What heads, guards and scanners say of prompts and answers.", safety.show),
    Page("Quality", ":material/verified:", "What scorers say of how good answers are.", quality.show),
    Page("Drift", ":material/trending_up:", "How far traffic is from what the version learnt.", drift.show),
    Page(
        "Training & rollouts",
        ":material/rocket_launch:",
        "Where each version comes from.",
        training.show,
        spanned=False,
    ),
)


def draw(title: str) -> None:
    """Draw a page; everything below its heading refreshes by itself."""
    st.html(STYLE)
    page = next(page for page in PAGES if page.title == title)
    heading, choices = st.columns([3, 2], vertical_alignment="bottom")
    heading.title(page.title, anchor=False)
    heading.caption(page.about)
    apps = _apps()
    with choices.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom"):
        app = _chosen_app(apps)
        span = _chosen_span() if page.spanned else DEFAULT_SPAN
    _live(page, app, SPANS[span], apps)


def _apps() -> tuple[str, ...]:
    try:
        return _reader().apps()
    except Unreachable:
        return ()


def _chosen_app(apps: tuple[str, ...]) -> str:
    if len(apps) < 2:
        return apps[0] if apps else ""
    return st.selectbox("Application", apps, key="app", persist_state="session", width=240)


def _chosen_span() -> str:
    chosen = st.segmented_control(
        "Span", list(SPANS), default=DEFAULT_SPAN, key="span", required=True, persist_state="session"
    )
    return chosen or DEFAULT_SPAN


@st.fragment(run_every=REFRESH)
def _live(page: Page, app: str, span: Span, apps: tuple[str, ...]) -> None:
    try:
        reader = _reader()
        found = reader.apps()
        if set(found) != set(apps):
            st.rerun()
        if not app:
            st.info(EMPTY, icon=":material/hourglass_empty:")
            return
        page.show(reader.about(app), span)
        st.html(f'<div class="dl-live">live, {clock(datetime.now(UTC))} UTC</div>')
    except Unreachable:
        st.session_state.pop("reader", None)
        st.warning(DOWN, icon=":material/cloud_off:")


def _reader() -> Reader:
    if "reader" not in st.session_state:
        st.session_state["reader"] = Reader.connect()
    reader: Reader = st.session_state["reader"]
    return reader
