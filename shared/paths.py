"""Branches: which messages lie on the path from the root to a message.

A branch is a run of messages that each go on from the one before, named by the seq of its first. A path is
the stretch of each branch that it takes, ((first, last), …) by seq, oldest first. So it is read by ranges of
keys, however long it is and whatever has been deleted on it, and never by following parents.
"""

Stretch = tuple[int, int]
Path = tuple[Stretch, ...]
# Part of a stretch: the branch, and what is wanted of it, (branch, first, last).
Part = tuple[int, int, int]

# Stretches of one path: each is a turn that was asked, answered or edited anew.
MAX_STRETCHES = 500


def going_on(path: Path, seq: int) -> Path:
    """The path of the message that goes on from the last of its branch; of a root, if the path is empty."""
    if not path:
        return ((seq, seq),)
    return (*path[:-1], (path[-1][0], seq))


def branching_off(path: Path, seq: int) -> Path:
    """The path of a message that begins a branch behind this path's end."""
    return (*path, (seq, seq))


def before(path: Path) -> Path:
    """The path without its last message: that of its parent."""
    *others, (first, last) = path
    return tuple(others) if first == last else (*others, (first, last - 1))


def between(path: Path, above: int, below: int | None) -> tuple[Part, ...]:
    """What of a path lies in above < seq < below."""
    parts = (
        (branch, max(branch, above + 1), last if below is None else min(last, below - 1))
        for branch, last in path
    )
    return tuple(part for part in parts if part[1] <= part[2])
