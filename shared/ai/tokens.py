"""How many tokens a text takes, estimated. Measured in docs/decisions/0004-tokens-are-estimated.md."""

_PLAIN = b"abcdefghijklmnopqrstuvwxyz \t\n\r"
_ASCII = bytes(range(0x80))
_NOT_FIRST_OF_FOUR = bytes(range(0xF0))


def count_tokens(text: str) -> int:
    """About how many tokens the model makes of `text`; seldom fewer than it does.

    Four lower-case ASCII letters or blanks to a token, three tokens to four other ASCII characters, three
    bytes of UTF-8 to a token beyond ASCII, and two tokens to a character of four bytes (emoji).
    """
    raw = text.encode(errors="replace")
    marked = raw.translate(None, _PLAIN)
    wide = marked.translate(None, _ASCII)
    beyond = wide.translate(None, _NOT_FIRST_OF_FOUR)
    twelfths = 3 * (len(raw) - len(marked)) + 9 * (len(marked) - len(wide)) + 4 * len(wide) + 8 * len(beyond)
    return -(-twelfths // 12)
