"""What would be deployed, and an interpreter that has only what requirements.txt brings."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pathspec import GitIgnoreSpec

_INDEXING = """
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name}: requirements.txt does not bring it", name=name)

blocked = frozenset(json.load(sys.stdin))
sys.meta_path.insert(0, Absent())
sys.path.insert(0, ".")
import function_app
print(json.dumps([one.get_function_name() for one in function_app.app.get_functions()]))
"""


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


def index(folder: Path, settings: Mapping[str, str]) -> list[str]:
    """The names of a copy's functions, as the worker finds them. Raises AssertionError with what it said."""
    ran = subprocess.run(  # noqa: S603 - this interpreter, with the text above
        [sys.executable, "-I", "-c", _INDEXING],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **settings},
        input=json.dumps(sorted(_absent(folder / "requirements.txt"))),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return list(json.loads(ran.stdout))


def _absent(requirements: Path) -> set[str]:
    """The modules that are installed here, and would not be by a requirements.txt alone."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    there = _closure([line for line in lines if line and not line.startswith(("#", "-"))])
    return {
        module
        for module, distributions in packages_distributions().items()
        if not there & {canonicalize_name(name) for name in distributions}
    }


def _closure(wanted: list[str]) -> set[str]:
    """The distributions that these bring, with their own."""
    found: set[str] = set()
    left = [Requirement(text) for text in wanted]
    while left:
        one = left.pop()
        extras = one.extras or {""}
        if one.marker and not one.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(one.name)
        if name not in found:
            found.add(name)
            left += [
                needed
                for needed in map(Requirement, requires(name) or ())
                if not needed.marker or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
            ]
    return found
