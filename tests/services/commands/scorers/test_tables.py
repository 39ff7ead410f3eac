"""How figures are shown: with their intervals, in the digits that they deserve."""

import pytest

from schemas.evaluations import Estimate
from services.commands.scorers.tables import shown
from services.scorers.evaluation import page


@pytest.mark.parametrize(
    ("estimate", "cell"),
    [
        (Estimate(value=0.9312, low=0.91, high=0.9501), ".931\n.91–.95"),
        (Estimate(value=1.0, low=0.98, high=1.0), "1.000\n.98–1.00"),
        (Estimate(value=0.0, low=0.0, high=0.0006), ".000\n.000–.001"),
        (None, "–"),
    ],
)
def test_a_figure_stands_above_its_interval(estimate: Estimate | None, cell: str) -> None:
    assert shown(estimate) == cell


def test_the_page_shows_a_small_share_in_percent() -> None:
    assert page.share(Estimate(value=0.0012, low=0.0005, high=0.0027)) == "0.12 % (0.05–0.27)"
    assert page.shown(Estimate(value=0.9312, low=0.91, high=0.9501)) == ".931 (.910–.950)"
    assert page.share(None) == page.shown(None) == "–"
