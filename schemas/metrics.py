"""The catalogue of what can be monitored: counters in windows, scores of responses, metrics of both."""

from dataclasses import dataclass, replace
from typing import Literal

from schemas.behaviour import BEHAVIOUR_SCORES
from schemas.score_meaning import ScoreMeaning

COUNTERS = {
    "responses": "answers, failed ones included",
    "errors": "answers with an error type",
    "input_tokens": "tokens read",
    "output_tokens": "tokens written",
    "cost_usd": "what the answers of known cost cost",
    "unpriced": "answers of unknown cost",
    "feedback": "verdicts on answers of this series, of one person and answer one",
    "feedback_correct": "of those, the right ones: label or correction equals the answer, score at least 0.5, rating 3",
    "thumbs": "scores of exactly 0 or 1",
    "thumbs_down": "of those, the zeros",
    "ratings": "ratings",
    "rating_sum": "their sum",
    "corrections": "corrections that are not the answer itself",
    "edit_sum": "their edit distances from the answer, each 0 to 1",
    "comparisons": "comparisons with another answer",
    "comparisons_won": "of those, the ones that prefer this answer",
    "comparisons_lost": "of those, the ones that prefer the other",
    "copied": "answers that somebody copied",
    "regenerated": "answers that somebody asked for anew",
    "abandoned": "answers that somebody left",
}
# Beside them, of an app with labels, one for each pair that occurs: of the right label and the one answered.
_CONFUSION = "true/"
SKETCHES = ("latency_ms", "ttft_ms")


UNSAFE = "unsafe"
SCORES = {
    "prompt.injection": ScoreMeaning(
        "probability that the prompt is an injection (embedded head), 0 to 1",
        "probability",
        UNSAFE,
        "prompts labelled unsafe by the injection head",
    ),
    "prompt.harm": ScoreMeaning(
        "probability that the prompt asks for harm (embedded head), 0 to 1",
        "probability",
        UNSAFE,
        "prompts labelled unsafe by the harm head",
    ),
    "response.harm": ScoreMeaning(
        "probability that the answer is harmful (embedded head), 0 to 1",
        "probability",
        UNSAFE,
        "answers labelled unsafe by the harm head",
    ),
    "prompt.pii": ScoreMeaning("entities of personal data in the prompt, a count", "entities"),
    "response.pii": ScoreMeaning("entities of personal data in the answer, a count", "entities"),
    "prompt.distance": ScoreMeaning(
        "cosine distance of the prompt to its nearest reference centroid, 0 to 2", "distance"
    ),
    **{
        name: replace(score, flagging=f"calls whose {name} is {score.flagged}")
        for name, score in BEHAVIOUR_SCORES.items()
    },
}

Kind = Literal["window", "score", "drift"]


def confusion_counter(true: str, answered: str) -> str:
    """Return the counter of answers that should have been one label and were another; empty for none of them.

    Example:
        >>> confusion_counter("unsafe", "safe")
        'true/unsafe|safe'
    """
    return f"{_CONFUSION}{_named(true)}|{_named(answered)}"


def _named(label: str) -> str:
    return label.replace("%", "%25").replace("|", "%7C")


def confused(counter: str) -> tuple[str, str] | None:
    """Return what a counter counts, the right label and the one answered; None for any other counter."""
    true, _, answered = counter.removeprefix(_CONFUSION).partition("|")
    return (true, answered) if counter.startswith(_CONFUSION) else None


@dataclass(frozen=True, slots=True)
class Metric:
    """A name that a monitor may use.

    Attributes:
        name: Dotted noun with aggregate.
        kind: Which topic it is computed from: windows, scores or drift measurements.
        unit: Base unit of the value.
        meaning: One clause for people.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ScoreMetric(Metric):
    """A metric over the scores of one name.

    Attributes:
        score: The name.
        label: The label whose share it is; empty for the mean.
    """

    score: str
    label: str


def metrics_of_score(name: str, meaning: ScoreMeaning) -> tuple[ScoreMetric, ...]:
    """Return what can be monitored of a score: its mean and, where a label is worth watching, that label's share.

    Example:
        >>> [metric.name for metric in metrics_of_score("prompt.tone", ScoreMeaning("tone", "ratio", "rude"))]
        ['prompt.tone.mean', 'prompt.tone_ratio']
    """
    mean = ScoreMetric(f"{name}.mean", "score", meaning.unit, f"mean: {meaning.meaning}", name, "")
    if not meaning.flagged:
        return (mean,)
    share = f"share of {meaning.flagging or f'scores labelled {meaning.flagged}'}"
    return (mean, ScoreMetric(f"{name}_ratio", "score", "ratio", share, name, meaning.flagged))


SCORE_METRICS = (
    *(metric for name, meaning in SCORES.items() for metric in metrics_of_score(name, meaning)),
    # The share of response.harm, by the name that it has had from the beginning.
    ScoreMetric(
        "response.unsafe_ratio", "score", "ratio", "share of answers labelled unsafe by the harm head", "response.harm",
        UNSAFE,
    ),
)  # fmt: skip
METRICS: tuple[Metric, ...] = (
    Metric("volume.count", "window", "responses", "answers in the window"),
    Metric("error.ratio", "window", "ratio", "share of answers that failed"),
    Metric("latency_ms.p50", "window", "ms", "median latency"),
    Metric("latency_ms.p95", "window", "ms", "95th percentile of latency"),
    Metric("latency_ms.p99", "window", "ms", "99th percentile of latency"),
    Metric("ttft_ms.p50", "window", "ms", "median time to first token"),
    Metric("ttft_ms.p95", "window", "ms", "95th percentile of time to first token"),
    Metric("ttft_ms.p99", "window", "ms", "99th percentile of time to first token"),
    Metric("tokens.input", "window", "tokens", "tokens read"),
    Metric("tokens.output", "window", "tokens", "tokens written"),
    Metric("cost_usd.sum", "window", "USD", "cost of the window's answers, without those of unknown cost"),
    Metric("feedback.accuracy", "window", "ratio", "share of judged answers that were correct"),
    Metric("feedback.count", "window", "answers", "judged answers"),
    Metric("feedback.precision", "window", "ratio", "precision, the mean over the labels that occur"),
    Metric("feedback.recall", "window", "ratio", "recall, the mean over the labels that occur"),
    Metric("feedback.f1", "window", "ratio", "F1, the mean over the labels that occur"),
    Metric("feedback.mean_rating", "window", "rating", "mean rating, 1 to 5"),
    Metric("feedback.thumbs_down_ratio", "window", "ratio", "share of thumbs that point down"),
    Metric("feedback.correction_ratio", "window", "ratio", "share of judged answers that somebody corrected"),
    Metric("feedback.edit_distance", "window", "ratio", "mean edit distance of corrected answers to the correction"),
    Metric("feedback.preferred_ratio", "window", "ratio", "share of comparisons that prefer the judged answer"),
    Metric("feedback.copied_ratio", "window", "ratio", "share of signals that tell of a copied answer"),
    Metric("feedback.regenerated_ratio", "window", "ratio", "share of signals that tell of one asked for anew"),
    Metric("feedback.abandoned_ratio", "window", "ratio", "share of signals that tell of an abandoned one"),
    *SCORE_METRICS,
    Metric(
        "drift.prompt_distance.psi", "drift", "PSI", "PSI of prompt.distance against the served version's reference"
    ),
    Metric("drift.prompt_distance.adwin", "drift", "verdict", "1 when ADWIN cut its window on prompt.distance"),
    Metric("drift.prompt_distance.page_hinkley", "drift", "statistic", "Page-Hinkley statistic on prompt.distance"),
    Metric("drift.prompt_injection.psi", "drift", "PSI", "PSI of prompt.injection against the reference"),
    Metric("drift.prompt_harm.psi", "drift", "PSI", "PSI of prompt.harm against the reference"),
    Metric("drift.feedback.e_detector", "drift", "log10", "evidence of the e-detector on the error of judged answers"),
    Metric(
        "drift.feedback.page_hinkley", "drift", "statistic", "Page-Hinkley statistic on the error of judged answers"
    ),
)
METRIC_BY_NAME = {metric.name: metric for metric in METRICS}


def kind_of(metric: str) -> Kind:
    """Return what a metric is computed from. A name that the catalogue lacks is of a user's own score."""
    known = METRIC_BY_NAME.get(metric)
    return known.kind if known else "score"


_METHOD_SUFFIX = {
    "PopulationStability": "psi",
    "PageHinkley": "page_hinkley",
    "Adwin": "adwin",
    "EDetector": "e_detector",
}


def drift_metric(metric: str, method: str) -> str:
    """Return the monitored name of a drift measurement.

    Example:
        >>> drift_metric("prompt.distance", "PopulationStability")
        'drift.prompt_distance.psi'
    """
    return f"drift.{metric.replace('.', '_')}.{_METHOD_SUFFIX[method]}"
