"""The official JavaScript SDK against the served engine: another client of the same wire, by other people."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import pytest

from local.cosmos.signature import WELL_KNOWN_KEY
from tests.contract.conftest import ENDPOINT, KEY_OF_ENDPOINT, ROOT

SCRIPT = Path(__file__).parent / "javascript"
CACHE = ROOT / ".cache" / "javascript"
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
INSTALL_SECONDS, RUN_SECONDS = 60, 30


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder with the packages of the lock file, kept under `.cache/` for as long as that is the same."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    files = [SCRIPT / name for name in ("package.json", "package-lock.json")]
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


@pytest.mark.parametrize("account", [ENDPOINT] if ENDPOINT else ["served", "served_in_three"])
def test_the_javascript_sdk_does_its_work(
    installed: Path, account: str, request: pytest.FixtureRequest
) -> None:
    endpoint, key = (
        (ENDPOINT, KEY_OF_ENDPOINT) if ENDPOINT else (request.getfixturevalue(account), WELL_KNOWN_KEY)
    )
    script = shutil.copy(SCRIPT / "main.mjs", installed)  # modules are looked for beside the script
    node = subprocess.run(  # noqa: S603  # our own script
        ["node", str(script), endpoint, key],  # noqa: S607  # whichever node the machine has
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert (node.returncode, node.stdout) == (0, "done\n"), node.stderr
