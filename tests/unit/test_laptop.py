"""`python -m local` as a user meets it: what it says, how it starts, fails and ends."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from local.__main__ import main
from local.cosmos import Engine
from local.cosmos.storage import FILE_NAME, connect

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


Refusal = Callable[..., str]


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """Starts in this process, where that is to fail; returns the one line that is said."""

    def start_here(*arguments: object, code: int = 1, **settings: str) -> str:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        monkeypatch.setattr(os, "environ", {**inherited, **settings})
        assert main([str(argument) for argument in arguments]) == code
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return start_here


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The file of a folder that was in use until its process was killed: a part is in the log beside it."""
    engine = Engine.open(tmp_path / "original")
    engine.catalogue.create_database("d", 0)
    folder = tmp_path / "data"
    shutil.copytree(tmp_path / "original", folder)
    engine.close()
    return folder / FILE_NAME


def test_a_data_folder_that_is_a_file_or_cannot_be_made_is_one_line(tmp_path: Path, refusal: Refusal) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert f"{file} can't be used: it is a file" in refusal("--port", 0, "--data", file)
    assert f"{file}/x can't be used: Not a directory" in refusal("--port", 0, "--data", file / "x")


def test_a_data_file_that_cannot_be_opened_is_one_line(tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / FILE_NAME).mkdir()  # so not even root can
    line = refusal("--port", 0, "--data", tmp_path)
    assert line.startswith(f"The data folder {tmp_path} can't be used: ")
    assert "--data" in line


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda content: content[: len(content) // 2],
    "overwritten at the end": lambda content: content[:-4096] + b"x" * 4096,
    "overwritten at the start": lambda content: content[:200] + b"x" * 4096 + content[4296:],
    "empty pages": lambda content: content[:4096] + bytes(len(content) - 4096),
    "not a database": lambda content: b"x" * len(content),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_data_file_is_one_line_and_stays_as_it_is(
    written: Path, refusal: Refusal, damage: Callable[[bytes], bytes]
) -> None:
    written.write_bytes(damage(written.read_bytes()))
    log = written.with_name(f"{FILE_NAME}-wal")
    before = written.read_bytes(), log.read_bytes()

    line = refusal("--port", 0, "--data", written.parent)

    assert line.startswith(f"The file {written} ")
    assert "Nothing was changed; move" in line
    assert "--data" in line
    assert (written.read_bytes(), log.read_bytes()) == before


def test_a_data_file_that_cannot_be_written_is_one_line(
    tmp_path: Path, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect_to_read(file: Path | None) -> sqlite3.Connection:
        connection = connect(file)
        connection.execute("PRAGMA query_only = 1")
        return connection

    monkeypatch.setattr("local.cosmos.engine.connect", connect_to_read)
    line = refusal("--port", 0, "--data", tmp_path)
    assert line.startswith(f"The data folder {tmp_path} cannot be used: ")
    assert "readonly" in line


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ([], ""),
        (["PORT=7100"], ' --port "7100"'),
        (["PORT=7100", "DATA_DIR=a folder"], ' --port "7100" --data "a folder"'),
    ],
)
def test_make_run_passes_on_only_what_it_was_given(given: list[str], options: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith((*SETTINGS, "MA"))}
    command = ["make", "--dry-run", "run", *given]
    planned = subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True, check=True)  # noqa: S603  # our own
    assert planned.stdout.splitlines()[-1].rstrip().endswith(f"-m local{options}")


def test_port_and_folder_may_stand_in_a_file(
    tmp_path: Path, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / ".env").write_text("PORT=0\nDATA_DIR=file\n")
    monkeypatch.chdir(tmp_path)
    assert refusal().startswith("The data folder file can't be used")


@pytest.mark.parametrize("pace", ["-1", "nan", "inf"])
def test_a_pace_that_is_none_is_one_line_that_names_it(tmp_path: Path, refusal: Refusal, pace: str) -> None:
    line = refusal("--port", 0, "--data", tmp_path, code=2, OFFLINE_MODEL_WORDS_PER_SECOND=pace)
    assert line.startswith(f"OFFLINE_MODEL_WORDS_PER_SECOND: '{pace}' ")
