"""Poisoned corrections of calls are removed with their reason, and honest ones are learnt."""

from services.scorers.embedding import Embedder
from tests.training.data.poison.test_defence import ANSWERS, _labels
from tests.training.data.test_curation import TOOLS
from tests.training.data.writing.builders import APP, SFT, SHIFT, call, said
from training.data.curation import Tools
from training.data.writing.curation import Judged, curate_calls


def test_wrong_corrections_of_two_people_of_forty_are_removed_and_the_others_learnt() -> None:
    calls = []
    for claim in _labels(flipped=80):
        right = f"{ANSWERS[claim.verdict]} {claim.prompt.split()[0]}"
        corrected = said(claim.judgement, by=claim.user, correction=right)
        calls.append(call(claim.judgement, corrected, prompt=claim.prompt, answer="I do not know"))
    tools = Tools(embed=Embedder.load().embed, mask=TOOLS.mask)
    dataset = curate_calls(Judged(calls, {}), APP, SFT, recent_since=SHIFT, tools=tools)
    left = [example for example in dataset.examples if example.request_id.startswith("bad")]
    honest = [example for example in dataset.examples if example.request_id.startswith("good")]
    # A correction is counted with what it implies: that the answer was worse, and unwanted.
    assert dataset.removed["poison_user"] >= 3 * 72
    assert len(left) <= 8
    assert len(honest) + dataset.removed.get("near_duplicate", 0) >= 0.95 * 320
