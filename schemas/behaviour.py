"""What the scores of quality and behaviour mean, for people and monitors: services.scorers.behaviour gives them."""

from schemas.score_meaning import ScoreMeaning

BEHAVIOUR_SCORES = {
    "prompt.sentiment": ScoreMeaning("how friendly an English prompt sounds, -1 to 1", "compound", "negative"),
    "prompt.toxicity": ScoreMeaning("probability that an English prompt is profane", "probability", "toxic"),
    "prompt.language": ScoreMeaning("probability of the prompt's likeliest language, the label", "probability"),
    "prompt.characters": ScoreMeaning("length of the prompt", "characters"),
    "response.relevance": ScoreMeaning("cosine of prompt and answer", "cosine"),
    "response.coherence": ScoreMeaning("cosine of the answer and the turns before its prompt", "cosine"),
    "response.echo": ScoreMeaning("cosine of the answer and the nearest answer before it", "cosine", "repeated"),
    "response.groundedness": ScoreMeaning("share of the answer that the given passages support", "ratio", "ungrounded"),
    "response.unsupported": ScoreMeaning("numbers and names of the answer that no passage has", "count", "some"),
    "response.refusal": ScoreMeaning("how surely the answer refuses", "probability", "refused"),
    "response.sentiment": ScoreMeaning("how friendly an English answer sounds, -1 to 1", "compound", "negative"),
    "response.toxicity": ScoreMeaning("probability that an English answer is profane", "probability", "toxic"),
    "response.language": ScoreMeaning("probability of the answer's likeliest language, the label", "probability"),
    "response.language_mismatch": ScoreMeaning(
        "probability that the answer is in another language than the prompt", "probability", "mismatch"
    ),
    "response.ari": ScoreMeaning("automated readability index of the answer", "grade"),
    "response.coleman_liau": ScoreMeaning("Coleman-Liau index of the answer", "grade"),
    "response.repetition": ScoreMeaning("share of the answer in its longest loop", "ratio", "looping"),
    "response.distinct_2": ScoreMeaning("share of the answer's pairs of words that come once", "ratio"),
    "response.compression": ScoreMeaning("compressed by uncompressed size of the answer", "ratio"),
    "response.format": ScoreMeaning("whether the answer has the form that was asked for", "probability", "invalid"),
    "response.tool_arguments": ScoreMeaning(
        "share of the answer's tool calls that keep to the tool's schema", "ratio", "invalid"
    ),
    "response.perplexity": ScoreMeaning("perplexity of the answer's tokens", "ratio"),
    "response.unsure_tokens": ScoreMeaning("share of the answer's tokens less likely than one half", "ratio"),
    "response.characters": ScoreMeaning("length of the answer", "characters"),
    "response.words": ScoreMeaning("words of the answer", "words"),
    "response.cut_off": ScoreMeaning("whether the answer ended for want of tokens", "probability", "cut"),
}
