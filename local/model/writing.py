"""What the offline model writes in a conversation: it takes up what was said and claims to know nothing."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import count

from local.model.outline import paragraph
from local.model.phrases import key_words
from local.model.request import Turn
from shared.ai import count_tokens
from shared.ai.cleaning import one_line

NOTICE = "I am the built-in offline model: I know nothing of the world and only take up what you write."
LONG_WORDS, MOST_WORDS, EARLIER, PIECE = 200, 2000, 3, 90

_LONG = re.compile(
    r"(?<!how )(?<!as )\blong\b|\blonger\b|\bdetail|\bessay\b|\bstory\b|\bstories\b|\bat length\b"
    r"|\bthorough|\barticle\b|\bin depth\b|\bcomprehensive|\belaborate",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\b(\d{1,5})[ -]words?\b", re.IGNORECASE)


def reply(turns: Sequence[Turn]) -> str:
    """The answer to a conversation: the same for the same conversation."""
    asked = [turn.text for turn in turns if turn.role == "user"] or [turns[-1].text]
    *earlier, question = asked
    instructions = [turn.text for turn in turns if turn.role in ("system", "developer")]
    sentences = [_taken_up(earlier, question), *_link(earlier, question), NOTICE, *_heeded(instructions)]
    text = " ".join(sentences)
    wanted = _length_wanted(question)
    return "\n\n".join([text, *_at_length(question, wanted - len(text.split()))]) if wanted else _close(text)


def cap(text: str, tokens: int | None) -> tuple[str, str]:
    """`text` within so many tokens, and the finish reason: `length` when it had to be cut."""
    if tokens is None or count_tokens(text) <= tokens:
        return text, "stop"
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    fit = bisect_right(ends, tokens, key=lambda end: count_tokens(text[:end]))
    return text[: ends[fit - 1]] if fit else "", "length"


def is_own(text: str) -> bool:
    """Whether the offline model wrote `text`."""
    return NOTICE in text


def _taken_up(earlier: Sequence[str], question: str) -> str:
    if not earlier:
        return f"You ask: {_quoted(question)}."
    shown = [_quoted(text) for text in earlier[-EARLIER:]]
    before = len(earlier) - len(shown)
    more = f" (and {before} more before that)" if before else ""
    return f"Earlier you asked {', then '.join(shown)}{more}; now you ask {_quoted(question)}."


def _link(earlier: Sequence[str], question: str) -> Iterator[str]:
    """What the question has in common with the latest one that speaks of the same."""
    now = {word.lower(): word for word in key_words(question)}
    for number in range(len(earlier), 0, -1):
        shared = [now[word.lower()] for word in key_words(earlier[number - 1]) if word.lower() in now]
        if shared:
            yield f"It goes back to your question {number}, which also spoke of “{shared[0]}”."
            return


def _heeded(instructions: Sequence[str]) -> Iterator[str]:
    if instructions:
        yield f"I was given instructions, which begin {_quoted(instructions[0])}."


def _length_wanted(question: str) -> int:
    """How many words, if the question asks for something long; else 0."""
    number = max((int(match) for match in _WORDS.findall(question)), default=0)
    if number >= LONG_WORDS // 2 or (not number and _LONG.search(question)):
        return min(max(number, LONG_WORDS), MOST_WORDS)
    return 0


def _at_length(question: str, wanted: int) -> Iterator[str]:
    """Paragraphs until there are as many words as wanted."""
    topics = key_words(question) or ["this"]
    for place in count():
        if wanted <= 0:
            return
        text = paragraph(place, topics)
        wanted -= len(text.split())
        yield text


def _close(text: str) -> str:
    return f"{text} A real model, once one is connected, would answer here."


def _quoted(text: str) -> str:
    return f"“{one_line(text, PIECE).rstrip('.')}”"
