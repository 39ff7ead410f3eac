"""How much poison curation removes and how much else it takes: attacks x data x seeds, one JSON line.

    python -m tests.bench.poison [--seeds 21 22] [--sets quoted|development|all] [--only NAME ...]

Thresholds were chosen on the development sets with seeds 1, 2 and 11: quote the others, with other seeds. A figure is
the mean over seeds, with the worst beside it. Without the defence all poison stays: `poison_without` is its share of
what is learnt from then, `poison_left` its share of what is learnt from with it. People who slip count as clean.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from sklearn.cluster import KMeans

from services.scorers.embedding import Embedder
from tests.bench.machine import machine
from tests.bench.poison_attacks import (
    Attack,
    Pairs,
    Scene,
    advice,
    corrections_scene,
    everyday,
    injection_labels,
    labels_scene,
    model_answers,
    thumbs_scene,
    triage,
)
from training.data.poison.answers import AnswerJudge
from training.data.poison.claims import Embed
from training.data.poison.defence import poisoned
from training.data.poison.doubts import Judge, LabelJudge

SIZE, PEOPLE, TOPICS = 1000, 100, 25
BAR = ("flip", "trigger", "plant", "burst")
ATTACKS = (
    Attack("none", "flip", rows=0.0),
    Attack("none, each topic has its own people", "topics", rows=0.0),
    *(Attack(kind, kind) for kind in BAR),
    Attack("flip 40 % of rows", "flip", rows=0.4),
    Attack("flip by 20 % of people", "flip", people=0.2),
    Attack("trigger by 20 % of people", "trigger", people=0.2),
    Attack("flip, as many honest rows beside", "flip", rows=0.1, honest=1.0),
    Attack("flip by people without a name", "flip", known=False),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """One kind of judgement on one data set."""

    name: str
    quoted: bool
    pairs: Callable[[], Pairs]
    scene: Callable[..., Scene]
    labels: bool = False

    def judge(self, embed: Embed) -> Judge:
        """Return the model that curation uses for this kind."""
        return LabelJudge(embed) if self.labels else AnswerJudge(embed, seed=7)


BENCHES = (
    Bench("labels of s-labs", False, lambda: injection_labels("s-labs"), labels_scene, labels=True),
    Bench("corrections of everyday answers", False, everyday, corrections_scene),
    Bench("thumbs on everyday answers", False, everyday, thumbs_scene),
    Bench("corrections of triage JSON", False, triage, corrections_scene),
    Bench("thumbs on triage JSON", False, triage, thumbs_scene),
    Bench("corrections of models' answers", False, model_answers, corrections_scene),
    Bench("thumbs on models' answers", False, model_answers, thumbs_scene),
    Bench("labels of neuralchemy", True, lambda: injection_labels("neuralchemy"), labels_scene, labels=True),
    Bench("corrections of advice", True, advice, corrections_scene),
    Bench("thumbs on advice", True, advice, thumbs_scene),
)


def measured(bench: Bench, pairs: Pairs, attack: Attack, seeds: Sequence[int], embed: Embed) -> dict[str, object]:
    """Return the figures of one attack."""
    caught, lost, left, without, seconds = [], [], [], [], []
    reasons = Counter[str]()
    for seed in seeds:
        scene = bench.scene(pairs, attack, size=SIZE, people=PEOPLE, seed=seed)
        scene = by_topic(scene, embed, seed) if attack.kind == "topics" else scene
        began = time.process_time()
        found = poisoned(scene.claims, bench.judge, embed, seed=7)
        seconds.append(time.process_time() - began)
        clean = len(scene.claims) - len(scene.poison)
        caught.append(len(found.keys() & scene.poison) / max(1, len(scene.poison)))
        lost.append(len(found.keys() - scene.poison) / clean)
        kept = len(scene.claims) - len(found)
        left.append((len(scene.poison) - len(found.keys() & scene.poison)) / max(1, kept))
        without.append(len(scene.poison) / len(scene.claims))
        reasons.update(found.values())
    return {
        "removed": round(mean(caught), 3),
        "removed_least": round(min(caught), 3),
        "clean_lost": round(mean(lost), 4),
        "clean_lost_most": round(max(lost), 4),
        "poison_without": round(mean(without), 4),
        "poison_left": round(mean(left), 4),
        "reasons": dict(sorted(reasons.items())),
        "cpu_s": round(mean(seconds), 2),
    }


def by_topic(scene: Scene, embed: Embed, seed: int) -> Scene:
    """Return claims whose prompts fall into topics, each with people of its own."""
    draw = random.Random(seed)
    topics = KMeans(TOPICS, n_init=1, random_state=seed).fit_predict(embed([claim.prompt for claim in scene.claims]))
    each = PEOPLE // TOPICS
    claims = [
        replace(claim, user=f"u{topic}-{draw.randrange(each)}")
        for claim, topic in zip(scene.claims, topics.tolist(), strict=True)
    ]
    return Scene(claims, scene.poison)


def applies(attack: Attack, bench: Bench) -> bool:
    """Return whether an attack can be made by this kind of judgement: words are planted in corrections alone."""
    return attack.kind != "plant" or bench.scene is corrections_scene


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=(21, 22))
    parser.add_argument("--sets", choices=("quoted", "development", "all"), default="all")
    parser.add_argument("--only", nargs="*", default=(), help="names of kinds of judgement")
    parser.add_argument("--attacks", nargs="*", default=())
    chosen = parser.parse_args()
    before, embed = machine(), Embedder.load().embed
    found: dict[str, object] = {}
    for bench in BENCHES:
        if chosen.sets not in ("all", "quoted" if bench.quoted else "development"):
            continue
        if chosen.only and bench.name not in chosen.only:
            continue
        pairs = bench.pairs()
        for attack in ATTACKS:
            if applies(attack, bench) and (not chosen.attacks or attack.name in chosen.attacks):
                figures = measured(bench, pairs, attack, chosen.seeds, embed)
                found[f"{bench.name} / {attack.name}"] = figures
                print(f"{bench.name} / {attack.name}", figures, flush=True)
    print(
        json.dumps(
            {"bench": "poison", **before, "seeds": list(chosen.seeds), "rows": SIZE, "people": PEOPLE, "results": found}
        )
    )


if __name__ == "__main__":
    main()
