"""What would be deployed."""

import os
import shutil
from pathlib import Path

from pathspec import GitIgnoreSpec


def copy_deployable(root: Path, to: Path) -> None:
    """Copy what `.funcignore` leaves of a project."""
    ignored = GitIgnoreSpec.from_lines((root / ".funcignore").read_text(encoding="utf-8").splitlines())
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if not ignored.match_file(f"{here / name}/")]
        for name in files:
            if not ignored.match_file(here / name):
                (to / here).mkdir(parents=True, exist_ok=True)
                shutil.copy(root / here / name, to / here / name)
