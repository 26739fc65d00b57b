"""What a model wrote, made fit to store and show."""

import re
import unicodedata

_OPENING = "\"'`*_“”„„‘‚«»‹「『《〈＂"  # noqa: RUF001 (quotation marks in use; each closes with the one below)
_CLOSING = "\"'`*_””“”’‘»«›」』》〉＂"  # noqa: RUF001
_PAIRS = {opening + closing for opening, closing in zip(_OPENING, _CLOSING, strict=True)}
_DANGLING = " ,;:.-–—"  # noqa: RUF001 (a dash)


def storable(text: str) -> str:
    """`text` without the two things that no store takes: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()


def one_line(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters, without quotation marks around it."""
    return cut(_unquoted(" ".join(_visible(text).split())), limit)


def paragraphs(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, its paragraphs kept."""
    lines = (" ".join(line.split()) for line in _visible(text).splitlines())
    return cut(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), limit)


def cut(text: str, limit: int) -> str:
    """`text` if it fits; else the whole words of it that fit, and an ellipsis.

    Where words are longer than half of that (or the script sets no blanks), it is cut between characters.
    """
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    if not text[limit - 1].isspace():
        words = kept.rsplit(None, 1)[0]
        kept = words if len(words) > limit // 2 else kept
    return kept.rstrip(_DANGLING) + "…"


def _visible(text: str) -> str:
    """`text` without control characters, but for line ends and tabs."""
    return "".join(c for c in storable(text) if c in "\n\t\r" or unicodedata.category(c) != "Cc")


def _unquoted(text: str) -> str:
    """`text` out of the quotation marks (or Markdown's stars) that enclose all of it, however many."""
    while len(text) > 1 and text[0] + text[-1] in _PAIRS:
        inner = text[1:-1]
        doubled = inner[:1] == text[0] and inner[-1:] == text[-1]
        if not doubled and (text[0] in inner or text[-1] in inner):
            break  # "This" and "that"
        text = inner.strip()
    return text
