"""What is deployed is what the app needs and no more; test_deployed.py runs it."""

from pathlib import Path

import pytest

from tests.infra.conftest import ROOT
from tests.infra.deployable import copy_deployable
from tests.infra.stand_ins.environment import interpreter
from tests.infra.stand_ins.host import Worker


@pytest.fixture
def package(tmp_path: Path) -> Path:
    copy_deployable(ROOT, tmp_path)
    return tmp_path


async def failure(package: Path, settings: dict[str, str]) -> str:
    """What the worker says to an app that doesn't index."""
    worker = await Worker.start(interpreter(ROOT), package, settings, package / "log")
    await worker.stop()
    return str(worker.said["failure"])


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


async def test_a_package_that_only_the_laptop_has_is_told(package: Path, production: dict[str, str]) -> None:
    with (package / "functions" / "system.py").open("a", encoding="utf-8") as module:
        module.write("\nimport hypothesis\n")

    assert "No module named 'hypothesis'" in await failure(package, production)


async def test_a_module_that_is_not_deployed_is_told(package: Path, production: dict[str, str]) -> None:
    (package / "shared" / "clock.py").unlink()

    assert "No module named 'shared.clock'" in await failure(package, production)


async def test_a_setting_that_is_missing_is_told(package: Path, production: dict[str, str]) -> None:
    without = {name: value for name, value in production.items() if name != "COSMOS_DB_ENDPOINT"}

    assert "COSMOS_DB_ENDPOINT: is missing" in await failure(package, without)


async def test_a_function_that_the_worker_refuses_is_told(package: Path, production: dict[str, str]) -> None:
    with (package / "functions" / "background.py").open("a", encoding="utf-8") as module:
        module.write('\n@bp.route("more")\nasync def more(req, other): ...\n')

    assert "cannot load the more function" in await failure(package, production)
