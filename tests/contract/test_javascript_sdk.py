"""The official JavaScript SDK against the served engine: another client of the same wire, by other people."""

import shutil
import subprocess
from pathlib import Path

import pytest

from local.cosmos.signature import WELL_KNOWN_KEY
from tests.contract.conftest import ENDPOINT, KEY_OF_ENDPOINT
from tests.packages import from_npm

SCRIPT = Path(__file__).parent / "javascript"
RUN_SECONDS = 30


@pytest.mark.parametrize("account", [ENDPOINT] if ENDPOINT else ["served", "served_in_three"])
def test_the_javascript_sdk_does_its_work(account: str, request: pytest.FixtureRequest) -> None:
    endpoint, key = (
        (ENDPOINT, KEY_OF_ENDPOINT) if ENDPOINT else (request.getfixturevalue(account), WELL_KNOWN_KEY)
    )
    script = shutil.copy(SCRIPT / "main.mjs", from_npm(SCRIPT))  # modules are looked for beside the script
    node = subprocess.run(  # noqa: S603  # our own script
        ["node", str(script), endpoint, key],  # noqa: S607  # whichever node the machine has
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert (node.returncode, node.stdout) == (0, "done\n"), node.stderr
