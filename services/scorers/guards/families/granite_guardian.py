"""Granite Guardian 3.0 to 3.3 (Padhi et al. 2024): yes or no to one risk a question, by its own chat template.

The probability is the share of all tokens that spell yes among those that spell yes or no, as IBM's own evaluation
takes it. Up to 3.2 the template takes `risk_name` and answers at once; 3.3 takes `criteria_id` and answers inside
`<score>`.
"""

from collections.abc import Mapping, Sequence

from schemas.guards import GuardSide
from services.scorers.guards.asking import Conversation, Engine, Form, Question, Reading, Verdict, worst
from services.scorers.guards.hazards import codes_of, hazards_of

UMBRELLA = "harm"
RISKS: Mapping[GuardSide, tuple[str, ...]] = {
    "prompt": ("social_bias", "profanity", "sexual_content", "unethical_behavior", "violence", "jailbreak"),
    "response": ("social_bias", "profanity", "sexual_content", "unethical_behavior", "violence"),
}
_WORDS = ("yes", "no")


class GraniteGuardian:
    """Asks about harm, and about single risks only where there is harm; chosen risks are each asked about.

    Args:
        engine: Holds the model, with the checkpoint's own template.
        threshold: Probability from which a risk counts.
        categories: Hazards whose risks are asked about in place of harm; empty means harm.
        policies: Risks of the user's own, by name, in place of IBM's.
    """

    source = "Padhi et al. 2024, arXiv 2412.07724; ibm-granite/granite-guardian-3.x"
    blind_spots = (
        "trained and tested on English; its umbrella of harm names no hazard by itself; a risk of the user's own needs "
        "a test of its own; groundedness and relevance are not asked about here"
    )

    def __init__(
        self,
        engine: Engine,
        *,
        threshold: float,
        categories: Sequence[str] = (),
        policies: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._threshold = threshold
        self._own = policies or {}
        self._kept = frozenset(codes_of("granite-guardian", categories))
        self._newer = "criteria_id" in engine.template
        self._forms = {name: self._form(name) for name in (UMBRELLA, *RISKS["prompt"], *self._own)}

    def judge(self, side: GuardSide, conversations: Sequence[Conversation]) -> list[tuple[Verdict, ...]]:
        """Return the worst of the risks that are asked about."""
        chosen = tuple(self._own) or tuple(risk for risk in RISKS[side] if risk in self._kept)
        if chosen:
            return [(self._worst(row),) for row in self._ask(conversations, chosen)]
        verdicts = [self._worst(row) for row in self._ask(conversations, (UMBRELLA,))]
        harmful = [at for at, verdict in enumerate(verdicts) if (verdict.probability or 0.0) >= self._threshold]
        rows = self._ask([conversations[at] for at in harmful], RISKS[side])
        for at, row in zip(harmful, rows, strict=True):
            verdicts[at] = Verdict(verdicts[at].probability, self._named(row) or verdicts[at].categories)
        return [(verdict,) for verdict in verdicts]

    def _ask(self, conversations: Sequence[Conversation], risks: Sequence[str]) -> list[dict[str, Reading]]:
        start = "<score>" if self._newer else ""
        asked = [
            Question(conversation, self._forms[risk], _WORDS, start=start, spelled=True)
            for conversation in conversations
            for risk in risks
        ]
        readings = iter(self._engine.ask(asked))
        return [{risk: next(readings) for risk in risks} for _ in conversations]

    def _worst(self, row: Mapping[str, Reading]) -> Verdict:
        return worst(row, threshold=self._threshold, hazards=self._hazards)

    def _named(self, row: Mapping[str, Reading]) -> tuple[str, ...]:
        judged = {risk: reading for risk, reading in row.items() if not reading.unjudged}
        return self._worst(judged).categories if judged else ()

    def _hazards(self, risk: str) -> tuple[str, ...]:
        return (risk,) if risk in self._own else hazards_of("granite-guardian", [risk])

    def _form(self, risk: str) -> Form:
        own = self._own.get(risk)
        if self._newer:
            config = {"criteria_id": risk} if own is None else {"custom_criteria": own}
            return Form({"guardian_config": config, "think": False})
        return Form({"guardian_config": {"risk_name": risk} | ({} if own is None else {"risk_definition": own})})
