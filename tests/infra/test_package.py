"""What is deployed imports, and indexes every function, with nothing but requirements.txt installed."""

from pathlib import Path

import pytest

from tests.infra.conftest import ROOT
from tests.infra.deployable import copy_deployable, index
from tests.infra.gate import App, bicep, settings


@pytest.fixture
def package(tmp_path: Path) -> Path:
    copy_deployable(ROOT, tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def production() -> dict[str, str]:
    """What Bicep sets; what the deployment computes made up."""
    given = settings.in_bicep(ROOT / "infra", bicep.load_all(ROOT / "infra"))
    return settings.made_up(given)


def test_every_function_indexes_from_what_is_deployed(
    package: Path, production: dict[str, str], app: App
) -> None:
    assert set(index(package, production)) == app.functions


def test_nothing_of_the_laptop_is_deployed(package: Path) -> None:
    assert {path.name for path in package.iterdir()} == {
        "constraints.txt",
        "function_app.py",
        "functions",
        "host.json",
        "requirements.txt",
        "shared",
    }
    assert not list(package.rglob("*.pyc"))


def test_a_package_that_only_the_laptop_has_is_told(package: Path, production: dict[str, str]) -> None:
    with (package / "functions" / "system.py").open("a", encoding="utf-8") as module:
        module.write("\nimport hypothesis\n")

    with pytest.raises(AssertionError, match=r"hypothesis: requirements\.txt does not bring it"):
        index(package, production)


def test_a_module_that_is_not_deployed_is_told(package: Path, production: dict[str, str]) -> None:
    (package / "shared" / "clock.py").unlink()

    with pytest.raises(AssertionError, match=r"No module named 'shared\.clock'"):
        index(package, production)
