"""Failures that are waited out."""

import logging

logger = logging.getLogger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0


class Trouble:
    """A streak of failures of one thing: logged when it begins and ends, waited out longer each time."""

    def __init__(self, what: str) -> None:
        self._what, self._failures = what, 0

    def happened(self, error: Exception) -> float:
        """Note a failure; the seconds to wait before the next try."""
        if not self._failures:
            logger.error("%s fails and is tried again: %s: %s", self._what, type(error).__name__, error)
        self._failures += 1
        return float(min(_FIRST_WAIT * 2 ** min(self._failures - 1, 10), _LONGEST_WAIT))

    def over(self) -> None:
        """Note a success."""
        if self._failures:
            logger.info("%s works again", self._what)
        self._failures = 0
