"""`python -m local` as a user meets it: what it says, how it starts, fails and ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from local.__main__ import main

ROOT = Path(__file__).parents[2]
SETTINGS = ("COSMOS", "AZURE_OPENAI", "OPENAI", "AUTH_MODE", "PORT", "DATA_DIR", "LOGLEVEL")


def start(*arguments: object, **settings: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return subprocess.Popen(  # noqa: S603  # the tests' own Python
        [sys.executable, "-m", "local", *map(str, arguments)],
        cwd=ROOT,
        env={**inherited, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(data: Path, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """The process, its address, and the lines it said."""
    process = start("--port", 0, "--data", data, *arguments)
    assert process.stdout
    lines: list[str] = []
    while not lines or not lines[-1].startswith("stop"):
        lines.append(process.stdout.readline())
        assert lines[-1], process.communicate()[1]
    (address,) = re.findall(r"address +(http://\S+)", lines[0])
    try:
        yield process, address, lines
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_serves_and_ends_within_five_seconds(
    tmp_path: Path, sign: signal.Signals
) -> None:
    with running(tmp_path) as (process, address, lines):
        said = "".join(lines)
        assert httpx2.get(f"{address}/health/ready").status_code == 200
        assert [word in said for word in (str(tmp_path), "offline", "X-Local-User", "functions")] == [
            True
        ] * 4
        assert "\033" not in said
        before = time.monotonic()
        process.send_signal(sign)
        assert process.wait(5) == 0
        assert time.monotonic() - before < 5


def test_after_kill_9_the_next_start_has_everything_and_works_on_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as (process, address, _):
        conversation = httpx2.post(f"{address}/conversations", json={}).json()["id"]
        process.kill()
    with running(tmp_path) as (_, address, _):
        path = f"{address}/conversations/{conversation}"
        assert httpx2.post(f"{path}/messages", json={"role": "user", "content": "Tides"}).status_code == 201
        end = time.monotonic() + 10
        while not httpx2.get(path).json()["title"]:
            assert time.monotonic() < end, "the change feed delivers nothing"
            time.sleep(0.05)


def test_a_folder_in_use_is_one_line_that_names_it(tmp_path: Path) -> None:
    with running(tmp_path):
        second = start("--port", 0, "--data", tmp_path)
        _, error = second.communicate(timeout=20)
    assert second.returncode == 1
    assert re.fullmatch(f".*{tmp_path}.* in use .*\n", error)


def test_a_port_in_use_is_one_line_that_says_how_to_take_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--data", tmp_path, PORT=str(port))
        _, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert re.fullmatch(f"Port {port} .* PORT={port + 1}\n", error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("LOGLEVEL", "LOUD"),
        ("OFFLINE_MODEL_WORDS_PER_SECOND", "fast"),
        ("AUTH_MODE", "none"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    settings = {"PORT": "0", "DATA_DIR": str(tmp_path), name: value}
    process = start(**settings)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert re.fullmatch(f"{name}: .*\n", error)


def test_an_account_that_cannot_be_reached_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    process = start("--port", 0, COSMOS_DB_ENDPOINT="http://127.0.0.1:1", COSMOS_DB_KEY="eHg=")
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.fullmatch("COSMOS_DB_ENDPOINT: .*\n", error)


@pytest.mark.parametrize("damage", ["a file", "garbage"])
def test_a_data_folder_that_cannot_be_used_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    folder = tmp_path / "data"
    if damage == "a file":
        folder.write_text("not a folder")
    else:
        folder.mkdir()
        (folder / "cosmos.sqlite3").write_bytes(b"SQLite format 3\0" + b"x" * 5_000)

    assert main(["--port", "0", "--data", str(folder)]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert str(folder) in line
    assert "othing was changed" in line
