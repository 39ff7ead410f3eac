"""The script that Streamlit runs: page names and addresses, the rest is dashboards.pages."""

from collections.abc import Callable

import streamlit as st

from dashboards.pages import PAGES, draw

# Drawn here: Streamlit would fetch a named icon from the network.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="32" height="32" fill="none" stroke="#2f6fde" '
    'stroke-width="3" stroke-linecap="round"><path d="M20 12a8 8 0 1 1-2.6-5.9"/><path d="M20 3v5h-5"/></svg>'
)


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_title="driftloop", page_icon=ICON, layout="wide")
    pages = [
        st.Page(
            _drawing(page.title),
            title=page.title,
            icon=page.icon,
            url_path=page.title.split()[0].lower(),
            default=place == 0,
        )
        for place, page in enumerate(PAGES)
    ]
    st.navigation(pages, position="top").run()


def _drawing(title: str) -> Callable[[], None]:
    return lambda: draw(title)


if __name__ == "__main__":
    main()
