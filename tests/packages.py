"""Packages for tests that meet other people's clients and servers, each in a folder under `.cache/`.

What they bring along stays out of our environment, where it would change what is tested: uvicorn, for one,
takes whatever event loop and parser it finds. Where a package can't be had, the test is skipped.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import pytest

CACHE = Path(__file__).parent.parent / ".cache"
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", ".")
SECONDS = 120


def from_npm(scripts: Path) -> Path:
    """A folder with the packages of the lock file in `scripts`, kept for as long as that is the same."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    files = [scripts / name for name in ("package.json", "package-lock.json")]
    digest = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    return _installed(CACHE / "javascript" / digest, NPM, files)


def from_pypi(package: str, version: str) -> Path:
    """A folder for PYTHONPATH, with the package's commands in `bin`."""
    return _installed(CACHE / f"{package}-{version}", (*PIP, f"{package}=={version}"))


def _installed(folder: Path, install: Sequence[str], files: Sequence[Path] = ()) -> Path:
    """The folder, in which `install` was run beside copies of the files."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(dir=folder.parent))  # for this attempt alone: one may break off half done
    for file in files:
        shutil.copy(file, unfinished)
    if trouble := _trouble(install, unfinished):
        shutil.rmtree(unfinished)
        pytest.skip(f"{install[-1]} could not be installed: {trouble}")
    unfinished.rename(folder)
    return folder


def _trouble(install: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # constants
            install, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {SECONDS} s"
    return done.stderr[:500] if done.returncode else ""
