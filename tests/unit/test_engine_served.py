"""`python -m local.cosmos` as its user meets it: what it says, whom it lets in, how it ends, its backups."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import pytest

from local.cosmos import Engine
from local.cosmos.gateway import LARGEST_BODY
from local.cosmos.signature import WELL_KNOWN_KEY, Signature, payloads
from local.cosmos.storage import FILE_NAME, ForeignFile, back_up
from local.cosmos.wire.messages import Request

ROOT = Path(__file__).parents[2]
MY_KEY = "bXkgb3duIGtleQ=="
CONTAINER = {"id": "c", "partitionKey": {"paths": ["/key"], "kind": "Hash", "version": 2}}
DOCS = "/dbs/d/colls/c/docs"
KEY = {"x-ms-documentdb-partitionkey": '["k"]'}


class Signed(httpx2.Auth):
    """Signs requests as the SDKs do."""

    def __init__(self, key: str) -> None:
        self._signature = Signature(key)

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["x-ms-date"] = format_datetime(datetime.now(UTC), usegmt=True)
        sent = Request(request.method, request.url.raw_path.decode(), request.headers, b"")
        signature = self._signature.of(payloads(sent)[0]).decode()
        request.headers["authorization"] = f"type=master&ver=1.0&sig={signature}"
        yield request


def start(*arguments: object, key: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # the tests' own Python
        [sys.executable, "-m", "local.cosmos", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COSMOS_DB_KEY": key},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(
    data: Path, *options: object, key: str = ""
) -> Iterator[tuple[subprocess.Popen[str], httpx2.Client, str]]:
    """The process, a client with its key, and what it said."""
    process = start("--port", 0, "--data", data, *options, key=key)
    assert process.stdout
    said = ""
    while "stop" not in said:
        said += process.stdout.readline()
        assert process.poll() is None, process.communicate()[1]
    (address,) = re.findall(r"address +(http://\S+)", said)
    try:
        with httpx2.Client(base_url=address, auth=Signed(key or WELL_KNOWN_KEY), trust_env=False) as client:
            yield process, client, said
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with running(tmp_path_factory.mktemp("data"), key=MY_KEY) as (_, client, _):
        fill(client)
        yield client


def fill(client: httpx2.Client) -> None:
    client.post("/dbs", json={"id": "d"}).raise_for_status()
    client.post("/dbs/d/colls", json=CONTAINER).raise_for_status()


def create(client: httpx2.Client, name: str, **properties: Any) -> httpx2.Response:
    return client.post(DOCS, json={"id": name, "key": "k", **properties}, headers=KEY)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_cleanly_with_connections_open(
    tmp_path: Path, sign: signal.Signals
) -> None:
    with running(tmp_path) as (process, client, said):
        assert [word in said for word in (str(tmp_path), "well-known")] == [True, True]
        assert client.get("/").status_code == 200
        before = time.monotonic()
        process.send_signal(sign)
        assert process.wait(5) == 0
        assert time.monotonic() - before < 5
        assert process.stderr
        assert process.stderr.read() == ""


def test_the_account_is_where_the_client_found_it(client: httpx2.Client) -> None:
    account = client.get("/").json()
    assert account["writableLocations"][0]["databaseAccountEndpoint"] == str(client.base_url)


@pytest.mark.parametrize("path", ["/", "/dbs", "/no/such/path", DOCS])
def test_nobody_gets_in_without_the_key(client: httpx2.Client, path: str) -> None:
    for auth in (None, Signed(WELL_KNOWN_KEY)):
        answer = httpx2.get(client.base_url.join(path), auth=auth, trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (401, "Unauthorized")
        assert answer.headers["x-ms-activity-id"]


def test_a_body_beyond_all_limits_is_refused_and_the_connection_goes_on(client: httpx2.Client) -> None:
    answer = client.post(DOCS, content=b"x" * (LARGEST_BODY + 1), headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (413, "RequestEntityTooLarge")
    assert create(client, "after it").status_code == 201


def test_two_megabytes_fit_however_they_are_written(client: httpx2.Client) -> None:
    escaped = '{"id":"escaped","key":"k","text":"' + "\\u00e4" * 1_000_000 + '"}'
    assert client.post(DOCS, content=escaped, headers=KEY).status_code == 201


def test_names_of_any_characters_fit_into_headers(client: httpx2.Client) -> None:
    client.post("/dbs/d/colls", json={**CONTAINER, "id": "ä\n☃"}).raise_for_status()
    answer = client.get("/dbs/d/colls/%C3%A4%0A%E2%98%83/docs")
    assert answer.headers["x-ms-alt-content-path"] == "dbs/d/colls/%C3%A4%0A%E2%98%83"


def test_many_clients_write_at_once(client: httpx2.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: create(client, f"n{n}").status_code, range(80)))
    assert answers == [201] * 80


def test_faults_strike_those_who_are_served(tmp_path: Path) -> None:
    faults = ['{"operation":"create","status":429}', '{"operation":"upsert","dropped":true,"after":true}']
    options = [word for fault in faults for word in ("--fault", fault)]
    with running(tmp_path, *options) as (_, client, _):
        fill(client)
        throttled = create(client, "a")
        assert (throttled.status_code, throttled.headers["x-ms-retry-after-ms"]) == (429, "1")
        upsert = {**KEY, "x-ms-documentdb-is-upsert": "true"}
        with pytest.raises(httpx2.RemoteProtocolError):
            client.post(DOCS, json={"id": "b", "key": "k"}, headers=upsert)
        assert create(client, "b").status_code == 409


@pytest.mark.parametrize("fault", ["{", '{"operation":"x"}', '{"unknown":1}', "[]"])
def test_a_fault_that_is_none_is_told(tmp_path: Path, fault: str) -> None:
    process = start("--port", 0, "--data", tmp_path, "--fault", fault)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "is no fault" in error


def test_there_are_as_many_partitions_as_asked_for(tmp_path: Path) -> None:
    with running(tmp_path, "--partitions", 3) as (_, client, _):
        fill(client)
        assert client.get("/dbs/d/colls/c/pkranges").json()["_count"] == 3


def test_a_folder_in_use_is_one_line_that_names_it(tmp_path: Path) -> None:
    with running(tmp_path):
        second = start("--port", 0, "--data", tmp_path)
        _, error = second.communicate(timeout=20)
    assert second.returncode == 1
    assert re.fullmatch(f".*{tmp_path}.* in use .*\n", error)


def test_a_port_in_use_is_one_line_that_says_how_to_take_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--port", port, "--data", tmp_path)
        _, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert re.fullmatch(f"Port {port} .* --port {port + 1}\n", error)


def test_a_wrong_key_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    process = start("--port", 0, "--data", tmp_path, key="not base64!")
    _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert re.fullmatch("COSMOS_DB_KEY: .*\n", error)


def test_what_was_written_last_is_in_the_backup(tmp_path: Path) -> None:
    engine, restored = Engine.open(tmp_path / "data"), tmp_path / "restored"
    engine.catalogue.create_database("just now", engine.now())
    restored.mkdir()
    back_up(tmp_path / "data" / FILE_NAME, restored / FILE_NAME)
    engine.close()
    copy = Engine.open(restored)
    assert [database.id for database in copy.catalogue.databases()] == ["just now"]
    copy.close()


def test_a_backup_is_whole_while_others_write(tmp_path: Path) -> None:
    data, restored, enough = tmp_path / "data", tmp_path / "restored", Event()
    restored.mkdir()
    with running(data) as (_, client, _), ThreadPoolExecutor(1) as pool:
        fill(client)
        writing = pool.submit(write_until, enough, client)
        process = start("backup", "--data", data, "--to", restored / FILE_NAME)
        said, error = process.communicate(timeout=20)
        enough.set()
        assert (process.returncode, error) == (0, "")
        assert FILE_NAME in said
        written = writing.result()
    assert os.listdir(restored) == [FILE_NAME]
    with running(restored) as (_, client, _):
        query = {"x-ms-documentdb-isquery": "true", "x-ms-max-item-count": "-1", **KEY}
        found = client.post(DOCS, json={"query": "SELECT VALUE c.n FROM c"}, headers=query).json()[
            "Documents"
        ]
        assert sorted(found) == list(range(len(found)))
        assert 0 < len(found) <= written
        assert create(client, "later").status_code == 201


def write_until(enough: Event, client: httpx2.Client) -> int:
    """One item after the other; how many."""
    for n in count():
        if enough.is_set():
            return n
        create(client, f"i{n}", n=n).raise_for_status()
    raise AssertionError


def test_a_backup_replaces_nothing(tmp_path: Path) -> None:
    Engine.open(tmp_path).close()
    taken = tmp_path / "taken"
    taken.write_text("mine")
    process = start("backup", "--data", tmp_path, "--to", taken)
    _, error = process.communicate(timeout=20)
    assert (process.returncode, taken.read_text()) == (1, "mine")
    assert re.fullmatch(f"{taken} exists .*\n", error)


def test_there_is_no_backup_of_nothing(tmp_path: Path) -> None:
    process = start("backup", "--data", tmp_path / "nowhere", "--to", tmp_path / "copy")
    _, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert re.fullmatch(".*nowhere.*\n", error)
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_is_not_backed_up(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(ForeignFile):
        back_up(foreign, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
