"""The gate's two sides: the code's own word, and a copy of infra/ to break."""

import shutil
from pathlib import Path

import pytest

from tests.infra.gate import bicep, settings
from tests.infra.gate.app import App, read

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def app() -> App:
    return read(ROOT)


@pytest.fixture(scope="session")
def production() -> dict[str, str]:
    """What Bicep sets; what the deployment computes made up."""
    given = settings.in_bicep(ROOT / "infra", bicep.load_all(ROOT / "infra"))
    return settings.made_up(given)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A root with all that the gate looks at, but the code."""
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    (tmp_path / "docs").mkdir()
    for name in ("azure.yaml", "docs/operations.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path
