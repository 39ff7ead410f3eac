"""What the scores of quality and behaviour mean, for people and monitors: services.scorers.behaviour gives them."""

from typing import NamedTuple


class BehaviourScore(NamedTuple):
    """What a score tells.

    Attributes:
        meaning: One clause.
        unit: Of the value.
        flagged: The label whose share is worth watching; empty for plain measures.
    """

    meaning: str
    unit: str
    flagged: str = ""


BEHAVIOUR_SCORES = {
    "prompt.sentiment": BehaviourScore("how friendly an English prompt sounds, -1 to 1", "compound", "negative"),
    "prompt.toxicity": BehaviourScore("probability that an English prompt is profane", "probability", "toxic"),
    "prompt.language": BehaviourScore("probability of the prompt's likeliest language, the label", "probability"),
    "prompt.characters": BehaviourScore("length of the prompt", "characters"),
    "response.relevance": BehaviourScore("cosine of prompt and answer", "cosine"),
    "response.coherence": BehaviourScore("cosine of the answer and the turns before its prompt", "cosine"),
    "response.echo": BehaviourScore("cosine of the answer and the nearest answer before it", "cosine", "repeated"),
    "response.groundedness": BehaviourScore(
        "share of the answer that the given passages support", "ratio", "ungrounded"
    ),
    "response.unsupported": BehaviourScore("numbers and names of the answer that no passage has", "count", "some"),
    "response.refusal": BehaviourScore("how surely the answer refuses", "probability", "refused"),
    "response.sentiment": BehaviourScore("how friendly an English answer sounds, -1 to 1", "compound", "negative"),
    "response.toxicity": BehaviourScore("probability that an English answer is profane", "probability", "toxic"),
    "response.language": BehaviourScore("probability of the answer's likeliest language, the label", "probability"),
    "response.language_mismatch": BehaviourScore(
        "probability that the answer is in another language than the prompt", "probability", "mismatch"
    ),
    "response.ari": BehaviourScore("automated readability index of the answer", "grade"),
    "response.coleman_liau": BehaviourScore("Coleman-Liau index of the answer", "grade"),
    "response.repetition": BehaviourScore("share of the answer in its longest loop", "ratio", "looping"),
    "response.distinct_2": BehaviourScore("share of the answer's pairs of words that come once", "ratio"),
    "response.compression": BehaviourScore("compressed by uncompressed size of the answer", "ratio"),
    "response.format": BehaviourScore("whether the answer has the form that was asked for", "probability", "invalid"),
    "response.tool_arguments": BehaviourScore(
        "share of the answer's tool calls that keep to the tool's schema", "ratio", "invalid"
    ),
    "response.perplexity": BehaviourScore("perplexity of the answer's tokens", "ratio"),
    "response.unsure_tokens": BehaviourScore("share of the answer's tokens less likely than one half", "ratio"),
    "response.characters": BehaviourScore("length of the answer", "characters"),
    "response.words": BehaviourScore("words of the answer", "words"),
    "response.cut_off": BehaviourScore("whether the answer ended for want of tokens", "probability", "cut"),
}
