"""Where Bicep's own compiler is to be had, it compiles and lints too. Its warnings are errors."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import ROOT

SHARED = ROOT.parent / "shared" / "tools" / "bicep"
COMPILER = (
    os.environ.get("BICEP") or shutil.which("bicep") or (str(SHARED) if os.access(SHARED, os.X_OK) else "")
)
EXAMPLES = sorted((ROOT / "infra" / "examples").glob("*.bicepparam"))
# What the examples read from the environment.
GIVEN = {
    "API_CLIENT_ID": "00000000-0000-0000-0000-000000000000",
    "PUBLISHER_EMAIL": "api@example.com",
    "ALERT_EMAIL": "ops@example.com",
}

pytestmark = pytest.mark.skipif(
    not COMPILER, reason="no Bicep compiler: name one in BICEP, or put bicep on PATH"
)


def said(*arguments: str | Path) -> str:
    """What the compiler complains of; it writes diagnostics to stderr."""
    ran = subprocess.run(  # noqa: S603 - the compiler that was named
        [COMPILER, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **GIVEN},
        check=False,
    )
    return ran.stderr.strip() or ("" if ran.returncode == 0 else f"exit {ran.returncode}")


def test_it_compiles_without_a_warning() -> None:
    assert said("build", ROOT / "infra" / "main.bicep", "--stdout") == ""


def test_the_linter_has_nothing_to_say() -> None:
    assert said("lint", ROOT / "infra" / "main.bicep") == ""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.name))
def test_the_examples_fit(example: Path) -> None:
    assert said("build-params", example, "--stdout") == ""
