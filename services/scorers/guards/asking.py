"""What a guard is asked and how its answer is read, whoever holds the model. Pure.

A family turns a call into questions; an engine (a local checkpoint, a remote endpoint) answers each with the
probabilities of a few words at the first position of the guard's answer.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from schemas.guards import GuardSide
from schemas.inference import Message
from services.scorers.contract import CostClass, Subject

Speaker = Literal["user", "assistant"]
GREETING = "hello"
_THEIRS: Mapping[str, Speaker] = {"user": "user", "tool": "user", "other": "user", "assistant": "assistant"}
_BEGIN, _END = "<BEGIN UNSAFE CONTENT CATEGORIES>", "<END UNSAFE CONTENT CATEGORIES>"
_ENTRY = re.compile(r"^(?=[SO]\d+:)", re.MULTILINE)


class Described(NamedTuple):
    """What a family says of itself, whatever holds its model."""

    source: str
    blind_spots: str


# Here and not with its family, which loads torch.
PROMPT_GUARD = Described(
    "Llama Prompt Guard 2 model card; AUC .998 (86M), .995 (22M); recall at 1 % false alarms 97.5 and 88.7 %",
    "explicit attempts to override instructions alone, not harm; the 22M knows English; an attack of pieces that "
    "are harmless one by one; of a text past 64 windows the middle",
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as guards know them: of the user (with what tools returned) or of the assistant."""

    role: Speaker
    text: str


Conversation = tuple[Turn, ...]
"""Starts with the user, roles alternate, the last turn is judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """How a conversation becomes a prompt; one object for all questions that differ in the conversation alone.

    Attributes:
        arguments: To the checkpoint's chat template, beside the conversation.
        message: One user message in the conversation's place, with {prompt} and {response}; empty for templates that
            take the conversation itself.
        raw: The whole prompt, for checkpoints without a chat template; takes the same fields.
        mend: What is done to the rendered text, as keeping some of its categories.
    """

    arguments: Mapping[str, object] = field(default_factory=dict)
    message: str = ""
    raw: str = ""
    mend: Callable[[str], str] | None = None

    def turns(self, conversation: Conversation) -> Conversation:
        """Return what the chat template is given."""
        return (Turn("user", filled(self.message, conversation)),) if self.message else conversation


@dataclass(frozen=True, slots=True)
class Question:
    """One look at one call.

    Attributes:
        start: What the guard is made to begin its answer with.
        words: What it may say next.
        spelled: Whether only tokens that spell a whole word count, in any case, and not those that begin it.
        blank: Whether the guard may write white space before its answer, which is then written for it.

    White space at the end of `start` is left to the token that follows, as tokenizers do.
    """

    conversation: Conversation
    form: Form
    words: tuple[str, ...]
    start: str = ""
    spelled: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """The words' probabilities over the whole vocabulary, in the question's order, or why there are none."""

    probabilities: tuple[float, ...] = ()
    unjudged: str = ""

    def against(self, *words: int) -> float:
        """Return the share that the words at these places have of all words' probability."""
        return rounded(sum(self.probabilities[at] for at in words) / sum(self.probabilities))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard finds of one call by one measure.

    Attributes:
        probability: None where it could not judge; `unjudged` then says why.
        categories: Hazards it names, in the words of services.scorers.guards.hazards or of the user's policies.
    """

    probability: float | None
    categories: tuple[str, ...] = ()
    unjudged: str = ""


def word_begun(token: str, words: Sequence[str], *, spelled: bool) -> int | None:
    """Return which of the words a token begins, whatever space is about it; None for none, or for more than one.

    How a tokenizer cuts a word, and where it puts the space before it, is its own affair.

    Example:
        >>> [word_begun(token, ("unsafe", "safe"), spelled=False) for token in ("un", " safe", "u", "x", "")]
        [0, 1, 0, None, None]
    """
    bare = token.strip()
    if spelled:
        found = [at for at, word in enumerate(words) if bare.lower() == word.lower()]
    else:
        found = [at for at, word in enumerate(words) if bare and word.startswith(bare)]
    return found[0] if len(found) == 1 else None


def rounded(probability: float) -> float:
    """Return six places: rows that share a forward pass differ in the seventh."""
    return round(probability, 6)


def worst(readings: Mapping[str, Reading], *, threshold: float, hazards: Callable[[str], tuple[str, ...]]) -> Verdict:
    """Return the verdict over several policies that were asked about apart, "yes" being each question's first word.

    One that could not be judged leaves the whole open, unless another is violated.
    """
    found = {name: reading.against(0) for name, reading in readings.items() if not reading.unjudged}
    violated = [name for name, probability in found.items() if probability >= threshold]
    if not violated and len(found) < len(readings):
        return Verdict(None, unjudged=next(reading.unjudged for reading in readings.values() if reading.unjudged))
    named = dict.fromkeys(hazard for name in violated for hazard in hazards(name))
    return Verdict(max(found.values()), tuple(named))


def verdicts(
    readings: Sequence[Reading],
    *,
    probability: Callable[[Reading], float],
    threshold: float,
    named: Callable[[list[int]], list[tuple[str, ...]]],
) -> list[tuple[Verdict, ...]]:
    """Return a verdict for each reading; `named` is asked for the hazards of those places that reach the threshold."""
    found = [None if reading.unjudged else probability(reading) for reading in readings]
    unsafe = [at for at, value in enumerate(found) if value is not None and value >= threshold]
    hazards = dict(zip(unsafe, named(unsafe), strict=True))
    return [
        (Verdict(value, hazards.get(at, ()), reading.unjudged),)
        for at, (value, reading) in enumerate(zip(found, readings, strict=True))
    ]


class Engine(Protocol):
    """Holds a guard model, here or elsewhere. Neither method raises for a text."""

    @property
    def version(self) -> str:
        """A hash of all that a score hangs on here."""

    @property
    def cost(self) -> CostClass:
        """Whether it costs this machine or a call."""

    @property
    def template(self) -> str:
        """The chat template's source; empty where it is not known."""

    def ask(self, questions: Sequence[Question]) -> list[Reading]:
        """Return a reading for each question, in order."""

    def say(self, questions: Sequence[Question]) -> list[str]:
        """Return the line that the guard writes after each question's `start`, greedily; empty where it can't."""


class Family(Protocol):
    """One make of guard: what it is asked, and what its answers mean."""

    @property
    def source(self) -> str:
        """Paper or model card."""

    @property
    def blind_spots(self) -> str:
        """What it can't see."""

    def judge(self, side: GuardSide, conversations: Sequence[Conversation]) -> list[tuple[Verdict, ...]]:
        """Return a verdict for each of schemas.guards.guard_scores of the side, for each conversation."""


def conversation_of(subject: Subject, side: GuardSide) -> Conversation:
    """Return what a guard is shown to judge one side of a call; empty if there is nothing to judge.

    System prompts are left out, since no guard judges them; what tools returned counts as the user's words. Messages of
    one speaker in a row are one turn, and what the assistant said before the user ever did is dropped.
    """
    messages = list(subject.messages) or [Message(role="user", content=subject.prompt)]
    if side == "prompt":
        while messages and messages[-1].role != "user":
            messages.pop()
        judged = messages[-1].text if messages else ""
    else:
        judged = _said(subject)
        messages.append(Message(role="assistant", content=judged))
    return _turns(messages) if judged.strip() else ()


def _said(subject: Subject) -> str:
    calls = subject.output.tool_calls if subject.output else ()
    return subject.answer or "\n".join(f"{call.name}({call.arguments})" for call in calls)


def _turns(messages: Sequence[Message]) -> Conversation:
    turns: list[Turn] = []
    for message in messages:
        role = _THEIRS.get(message.role)
        if role is None or not (turns or role == "user"):
            continue
        if turns and turns[-1].role == role:
            turns[-1] = Turn(role, f"{turns[-1].text}\n\n{message.text}")
        else:
            turns.append(Turn(role, message.text))
    # An answer to nothing that a guard is shown: templates want a user first.
    if not turns and messages[-1].role == "assistant":
        return Turn("user", ""), Turn("assistant", messages[-1].text)
    return tuple(turns)


def exchange(conversation: Conversation) -> tuple[str, str]:
    """Return the last prompt and, where an answer is judged, that answer."""
    if conversation[-1].role == "user":
        return conversation[-1].text, ""
    return conversation[-2].text, conversation[-1].text


def filled(text: str, conversation: Conversation) -> str:
    """Return a text with its {prompt} and {response} filled in; braces in the call's own words stay as they are."""
    prompt, response = exchange(conversation)
    fields = {"{prompt}": prompt, "{response}": response}
    return re.sub(r"\{prompt\}|\{response\}", lambda found: fields[found.group()], text)


def with_categories(
    prompt: str, *, keep: Callable[[str], bool], added: Sequence[str] = (), entries: Callable[[str], list[str]]
) -> str:
    """Return a rendered prompt whose block of categories holds some of the template's own entries, and added ones.

    The block stands before the conversation in every template that has one, so that no text of a call is taken for it.
    """
    head, begin, rest = prompt.partition(_BEGIN)
    block, end, tail = rest.partition(_END)
    lead, ending = block[: len(block) - len(block.lstrip())], block[len(block.rstrip()) :]
    kept = [entry.strip() for entry in entries(block.strip()) if keep(entry.strip())]
    return head + begin + lead + "\n".join([*kept, *added]) + ending + end + tail


def coded_entries(block: str) -> list[str]:
    """Return a block's categories that begin with codes such as S1 or O3, with what explains them."""
    return _ENTRY.split(block)[1:]


def lists_categories(template: str) -> None:
    """Refuse a template whose categories can't be chosen from.

    Raises:
        GuardUnavailable: It has no block of categories, or an endpoint renders it.
    """
    if _BEGIN not in template:
        raise GuardUnavailable(
            "categories and policies are written into the guard's own chat template, and there is none here that lists "
            "categories: name the checkpoint, and for an endpoint form: completions"
        )


class GuardUnavailable(RuntimeError):
    """A guard can't be had as configured; the message is one line: what, where, how to mend."""
