"""Text as it is compared: in any case, and whether an accent is part of its letter or stands behind it."""

from unicodedata import normalize


def folded(text: str) -> str:
    """The same for all texts that read the same (https://www.unicode.org/reports/tr15/)."""
    return normalize("NFC", text.casefold())
