"""A virtual environment with what is deployed, and the worker's library, and nothing else."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WORKER = Path(__file__).parent / "requirements.txt"


def interpreter(root: Path) -> Path:
    """Its Python, under `.cache`; made anew, with pip and in some 20 s, where requirements have changed."""
    folder = root / ".cache" / "deployed"
    python, stamp = folder / "bin" / "python", folder / ".installed"
    with _alone(folder):
        if not stamp.exists() or stamp.read_text() != _wanted(root):
            venv.create(folder, clear=True, symlinks=True)
            _install(python, "-r", str(root / "requirements.txt"))
            _install(python, "--no-deps", "--ignore-requires-python", "-r", str(_WORKER))
            stamp.write_text(_wanted(root))
    return python


def _wanted(root: Path) -> str:
    files = (root / "requirements.txt", root / "constraints.txt", _WORKER)
    return hashlib.sha256(sys.version.encode() + b"".join(file.read_bytes() for file in files)).hexdigest()


def _install(python: Path, *what: str) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    ran = subprocess.run([*pip, *what], capture_output=True, text=True, check=False)  # noqa: S603 - pip, with our own files
    assert ran.returncode == 0, ran.stderr


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else makes it at the same time."""
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
