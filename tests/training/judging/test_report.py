"""The page that explains the gate: whole, escaped, without what may not be shown."""

from datetime import UTC, datetime

import msgspec

from schemas.gate_report import Effort, ForgettingCell
from schemas.learning import GateReport
from tests.training.judging.test_conduct import POLICY, _conduct
from tests.training.judging.test_gate import _graded
from training.judging.gate import decide
from training.judging.report import MOST_SHOWN, Heading, Shown, page_of

HEADING = Heading(
    app="triage", version="triage-v2", served="triage-v1", at=datetime(2026, 1, 31, tzinfo=UTC), waits=True, texts=True
)


def _report() -> GateReport:
    report = decide(_graded(200, candidate=0.65, incumbent=0.5), POLICY, seed=7, metric="chrf", conduct=_conduct())
    return msgspec.structs.replace(
        report,
        forgetting=(ForgettingCell(held_out_of="triage-v0", value=0.61, served=0.66, count=40, gone=3),),
        figures={"candidate/rouge_l": 0.512},
        effort={"candidate": Effort(tokens_per_second=31.5)},
    )


def _shown(count: int, gain: float, text: str = "a text") -> list[Shown]:
    return [
        Shown(prompt=f"{text} {at}", wanted="wanted", candidate="new", incumbent="old", gain=gain)
        for at in range(count)
    ]


def _page(shown: list[Shown], heading: Heading = HEADING) -> str:
    return page_of(_report(), heading, shown, lambda text: text.replace("ada@example.com", "<EMAIL>"))


def test_the_page_has_verdict_questions_conduct_forgetting_and_effort() -> None:
    page = _page([])
    for told in ("triage-v2", "passed", "harmful prompts answered", "triage-v0", "0.610", "31.5", "0.512"):
        assert told in page
    assert "A person has to approve it" in page


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = _page(_shown(3, 0.5))
    assert "<script" not in page
    assert "http" not in page


def test_every_text_is_escaped() -> None:
    page = _page(_shown(1, 0.5, "<script>alert(1)</script>"))
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_was_won_and_lost_is_shown_up_to_a_number() -> None:
    page = _page([*_shown(MOST_SHOWN + 5, 0.5, "won"), *_shown(2, -0.5, "lost"), *_shown(4, 0.0, "neither")])
    assert page.count("<pre>won") == MOST_SHOWN
    assert page.count("<pre>lost") == 2
    assert "neither" not in page


def test_texts_are_masked() -> None:
    page = _page(_shown(1, 0.5, "write to ada@example.com"))
    assert "ada@example.com" not in page
    assert "&lt;EMAIL&gt;" in page


def test_an_app_that_keeps_no_texts_shows_none() -> None:
    hidden = Heading(app="a", version="v", served="", at=HEADING.at, waits=False, texts=False)
    page = _page(_shown(3, 0.5, "secret"), hidden)
    assert "secret" not in page
    assert "keeps no texts" in page
    assert "base model" in page
