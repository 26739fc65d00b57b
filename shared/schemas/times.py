"""Times as they are answered, in Unix seconds."""


def seconds(milliseconds: int) -> int:
    """A time that is stored in milliseconds."""
    return milliseconds // 1000


def seconds_or_none(milliseconds: int | None) -> int | None:
    """The same, where there may be none."""
    return None if milliseconds is None else milliseconds // 1000
