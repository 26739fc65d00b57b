"""Packages from PyPI whose servers the tests meet, each in a folder of its own under `.cache/`.

What they bring along stays out of our environment, where it would change what is tested: uvicorn, for one,
takes whatever event loop and parser it finds.
"""

import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

CACHE = Path(__file__).parent.parent / ".cache"
INSTALL = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target")
INSTALL_SECONDS = 120


def installed(package: str, version: str) -> Path:
    """A folder for PYTHONPATH, with the package's commands in `bin`. Skips the test where it can't be had."""
    folder = CACHE / f"{package}-{version}"
    if not folder.exists():
        _install(f"{package}=={version}", folder)
    return folder


def _install(requirement: str, folder: Path) -> None:
    CACHE.mkdir(exist_ok=True)
    unfinished = Path(mkdtemp(dir=CACHE))
    try:  # a folder of its own for each attempt, so that one that breaks off leaves nothing half done
        pip = subprocess.run(  # noqa: S603  # a constant
            [*INSTALL, str(unfinished), requirement],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        rmtree(unfinished)
        pytest.skip(f"pip could not install {requirement} within {INSTALL_SECONDS} s")
    if pip.returncode:
        rmtree(unfinished)
        pytest.skip(f"pip could not install {requirement}: {pip.stderr.strip()[-200:]}")
    unfinished.rename(folder)
