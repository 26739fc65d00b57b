"""The hooks of azd, run with scripts that stand in for az, azd and curl."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import ROOT

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
GIVEN = {"AZURE_ENV_NAME": "test", "FUNCTION_APP_URL": "https://app", "API_URL": "https://gateway/v1"}


class Shell:
    """Runs a hook among commands that stand in for the real ones, and remembers how they were called."""

    def __init__(self, folder: Path) -> None:
        self._bin, self._log = folder / "bin", folder / "calls"
        self._bin.mkdir()

    def stand_in(self, command: str, script: str) -> None:
        path = self._bin / command
        path.write_text(f'#!/bin/sh\necho "{command} $*" >> {self._log}\n{script}\n', encoding="utf-8")
        path.chmod(0o755)

    def run(self, hook: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own scripts
            ["/bin/sh", ROOT / "infra" / "hooks" / hook],
            cwd=ROOT,
            env={**GIVEN, **environment, "PATH": f"{self._bin}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def entra(shell: Shell, *, registered: str = "") -> None:
    """An Entra ID that has the registration already, or makes it."""
    shell.stand_in("azd", "")
    shell.stand_in(
        "az",
        f'case "$*" in "ad app list"*) echo "{registered}" ;; "ad app create"*) echo {CLIENT_ID} ;; '
        '"ad sp show"*) exit 3 ;; esac',
    )


def test_the_app_is_registered_and_its_client_id_kept(shell: Shell) -> None:
    entra(shell)

    ran = shell.run("preprovision.sh")

    assert ran.returncode == 0, ran.stderr
    assert shell.calls[-1] == f"azd env set API_CLIENT_ID {CLIENT_ID}"
    assert [call.split(" --")[0] for call in shell.calls] == [
        "az ad app list",
        "az ad app create",
        "az rest",
        "az ad app update",
        "az ad sp show",
        "az ad sp create",
        f"azd env set API_CLIENT_ID {CLIENT_ID}",
    ]
    assert "--body @infra/hooks/registration.json" in shell.calls[2]


def test_a_registration_that_is_there_is_taken(shell: Shell) -> None:
    entra(shell, registered=CLIENT_ID)

    assert shell.run("preprovision.sh").returncode == 0
    assert not any(call.startswith("az ad app create") for call in shell.calls)


def test_the_registration_of_an_environment_whose_name_goes_on_is_not_taken(shell: Shell) -> None:
    entra(shell, registered=CLIENT_ID)

    shell.run("preprovision.sh")

    assert shell.calls[0].startswith("az ad app list --filter displayName eq 'conversation-service-test' ")


def test_who_registers_without_azd_is_told_the_client_id(shell: Shell) -> None:
    entra(shell)
    shell.stand_in("azd", "exit 1")

    assert CLIENT_ID in shell.run("preprovision.sh").stdout


def test_a_client_id_that_was_given_is_left_alone(shell: Shell) -> None:
    entra(shell)

    assert shell.run("preprovision.sh", API_CLIENT_ID=CLIENT_ID).returncode == 0
    assert shell.calls == []


@pytest.mark.parametrize(("direct", "code"), [("401", 0), ("403", 0), ("000", 0), ("200", 1), ("404", 1)])
def test_a_deployment_with_an_open_app_fails(shell: Shell, direct: str, code: int) -> None:
    shell.stand_in("curl", f'case "$*" in *https://app/*) echo {direct} ;; *) echo 200 ;; esac')

    ran = shell.run("postdeploy.sh")

    assert ran.returncode == code
    assert ("THE APP IS OPEN" in ran.stderr) == bool(code)
    assert any(call.endswith("https://gateway/v1/health/ready") for call in shell.calls) != bool(code)


def test_a_gateway_that_asks_for_a_subscription_key_is_up(shell: Shell) -> None:
    shell.stand_in("curl", "echo 401")

    ran = shell.run("postdeploy.sh", SUBSCRIPTION_REQUIRED="true")

    assert (ran.returncode, "asks for a subscription key" in ran.stdout) == (0, True)


def test_a_gateway_that_does_not_let_in_ends_in_an_error(shell: Shell) -> None:
    shell.stand_in("curl", "echo 401")
    shell.stand_in("sleep", "")

    ran = shell.run("postdeploy.sh")

    assert (ran.returncode, "does not answer 200" in ran.stderr) == (1, True)
