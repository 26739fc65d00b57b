"""Pieces of text, in whatever language they are in."""

import re

_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")  # noqa: RUF001 (Chinese and Japanese full stops)
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")  # noqa: RUF001 (an apostrophe)

# Words that lead up to what a question is about, or that can't end a heading.
_SMALL = """
a about all also am an and any are as at be been but by can could dear do does did for from get give
go had has have hello help hey hi how i i'd i'll i'm i've if in is it its just know let let's like
may me might my need of on or our please shall she should so some tell than thank thanks that the
their them then there these they this those to us want was we were what what's when where which who
why will with would write you your bitte das dem den der des die du ein eine einem einen einer er es
für hallo ich im in ist kann kannst können könntest mich mir mit sie sind und von warum was wer wie
wir wo zu zum zur est et je la le les pour que qu'est-ce une vous bonjour hola el los por qué una y
в и как мне на не о по пожалуйста помоги привет с что я
"""  # noqa: RUF001 (some are Russian)
SMALL = frozenset(_SMALL.split())
ABOUT_LENGTH = frozenset(
    {"article", "detail", "detailed", "essay", "length", "long", "longer", "thorough", "words"}
)


def words(text: str) -> list[str]:
    """The words of `text`, as they stand."""
    return _WORD.findall(text)


def first_sentence(text: str) -> str:
    """The first sentence of `text`, or its first line."""
    return next((part.strip() for part in _END.split(text) if part and part.strip()), "")


def trimmed(listed: list[str], limit: int) -> list[str]:
    """Up to `limit` words, from the first to the last that mean something; all of them if none does."""
    start = next((place for place, word in enumerate(listed) if not small(word)), 0)
    kept = listed[start : start + limit]
    while len(kept) > 1 and small(kept[-1]):
        kept.pop()
    return kept


def key_words(text: str) -> list[str]:
    """The words of `text` that say what it is about: each once, the longer before the shorter."""
    told = dict.fromkeys(
        word
        for word in words(text)
        if len(word) > 2 and word.isalpha() and word.lower() not in SMALL | ABOUT_LENGTH
    )
    return sorted(told, key=len, reverse=True)


def small(word: str) -> bool:
    """Whether `word` only holds others together."""
    return word.lower().replace("’", "'") in SMALL  # noqa: RUF001 (an apostrophe)
