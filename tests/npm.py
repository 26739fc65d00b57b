"""npm packages for tests that run other people's clients."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import pytest

CACHE = Path(__file__).parent.parent / ".cache" / "javascript"
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
INSTALL_SECONDS = 60


def installed(scripts: Path) -> Path:
    """A folder with the packages of the lock file in `scripts`, kept for as long as that is the same.

    Skips the test where they can't be had.
    """
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    files = [scripts / name for name in ("package.json", "package-lock.json")]
    folder = CACHE / sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    if not folder.exists():
        _install(files, folder)
    return folder


def _install(files: list[Path], folder: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(dir=CACHE))
    for file in files:
        shutil.copy(file, unfinished)
    try:  # a folder of its own for each attempt, so that one that breaks off leaves nothing half done
        npm = subprocess.run(  # noqa: S603  # a constant
            INSTALL, cwd=unfinished, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        shutil.rmtree(unfinished)
        pytest.skip(f"npm could not install the SDK within {INSTALL_SECONDS} s")
    if npm.returncode:
        shutil.rmtree(unfinished)
        why = [line for line in npm.stderr.splitlines() if line.startswith("npm error")][:2]
        pytest.skip(f"npm could not install the SDK: {why}")
    unfinished.rename(folder)
