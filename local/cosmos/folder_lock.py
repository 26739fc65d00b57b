"""One engine per data folder: a lock that ends with the process, however that ends."""

import fcntl
import os
from pathlib import Path

_LOCK_NAME = "cosmos.lock"


class FolderInUse(Exception):
    """Another process has this data folder open."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"The data folder {folder} is in use by another process. "
            "Stop that one, or choose another folder with --data."
        )


class FolderUnusable(Exception):
    """The data folder can't be made, read or written."""

    def __init__(self, folder: Path, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else error
        reason = "it is a file" if isinstance(error, FileExistsError) else reason
        super().__init__(
            f"The data folder {folder} can't be used: {reason}. "
            "Mend that, or choose another folder with --data."
        )


class FolderLock:
    """An exclusive lock on a data folder, taken on creation; raises FolderInUse.

    It is a `flock` on a file in the folder. The file stays behind; the lock on it does not, not even after
    `kill -9`.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise FolderInUse(folder) from error

    def release(self) -> None:
        """Let the folder go."""
        os.close(self._file)
