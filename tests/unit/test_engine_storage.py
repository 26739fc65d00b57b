"""The data folder: one engine at a time, and nothing acknowledged is lost."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos import EmbeddedTransport, Engine, FolderInUse
from local.cosmos.storage import ForeignFile

HOLD = """
import sys
from pathlib import Path
from local.cosmos import Engine
engine = Engine.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""

WRITE = """
import asyncio, sys
from pathlib import Path
from tests.unit.test_engine_storage import opened
async def write():
    async with opened(Path(sys.argv[1])) as container:
        for n in range(1_000_000):
            item = await container.create_item({"id": str(n), "key": "k", "text": "x" * 500})
            print(n, item["_etag"], flush=True)
asyncio.run(write())
"""


BREAK_OFF = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1] + "/cosmos.sqlite3", isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("CREATE TABLE before (x)")
connection.execute("DROP TABLE before")
connection.execute("BEGIN")
for n in range(100):
    connection.execute(f"CREATE TABLE t{n} (x)")
os._exit(1)
"""


class opened:  # noqa: N801  # reads as a verb: async with opened(folder) as container
    """A container in a data folder, made at the first time; all is closed at the end."""

    def __init__(self, folder: Path) -> None:
        self._engine = Engine.open(folder)
        self._client = CosmosClient(
            self._engine.url, self._engine.key, transport=EmbeddedTransport(self._engine)
        )

    async def __aenter__(self) -> ContainerProxy:
        await self._client.__aenter__()
        database = await self._client.create_database_if_not_exists("d")
        return await database.create_container_if_not_exists("c", PartitionKey(path="/key"))

    async def __aexit__(self, *reason: object) -> None:
        await self._client.close()
        self._engine.close()


def run(script: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own


def test_a_second_process_is_told_that_the_folder_is_in_use(tmp_path: Path) -> None:
    with run(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(FolderInUse, match=f"{tmp_path}.*--data"):
            Engine.open(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    Engine.open(tmp_path).close()


def test_a_folder_is_free_again_after_closing(tmp_path: Path) -> None:
    first = Engine.open(tmp_path / "made" / "if missing")
    with pytest.raises(FolderInUse):
        Engine.open(tmp_path / "made" / "if missing")
    first.close()
    Engine.open(tmp_path / "made" / "if missing").close()


async def test_killing_a_writer_loses_nothing_it_was_told_is_written(tmp_path: Path) -> None:
    with run(WRITE, tmp_path) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().split() for _ in range(200)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [line.split() for line in writer.stdout if line.endswith("\n")]
        writer.wait()
    async with opened(tmp_path) as container:
        found = {item["id"]: item["_etag"] async for item in container.read_all_items()}
        expected = dict(line for line in acknowledged if len(line) == 2)
        assert len(expected) >= 200
        assert expected.items() <= found.items()
        by_index = container.query_items("SELECT * FROM c WHERE c.id = '150'", partition_key="k")
        assert [item["id"] async for item in by_index] == ["150"]


async def test_items_definitions_and_resource_ids_survive_reopening(tmp_path: Path) -> None:
    async with opened(tmp_path) as container:
        before = await container.create_item({"id": "a", "key": "k"})
        definition = dict(await container.read())
    async with opened(tmp_path) as container:
        assert dict(await container.read()) == definition
        assert dict(await container.read_item("a", "k")) == dict(before)


async def test_numbers_and_etags_are_not_used_again_after_reopening(tmp_path: Path) -> None:
    tokens, etags, rids = [], [], []
    for _ in range(3):
        async with opened(tmp_path) as container:
            for _ in range(2):
                item = await container.create_item({"id": "a", "key": "k"})
                tokens.append(item.get_response_headers()["x-ms-session-token"])
                etags.append(item["_etag"])
                rids.append(item["_rid"])
                await container.delete_item("a", "k")
    assert [int(token.split("#")[1]) for token in tokens] == [1, 3, 5, 7, 9, 11]
    assert len(set(etags)) == len(set(rids)) == 6


async def test_a_change_feed_goes_on_after_reopening(tmp_path: Path) -> None:
    async with opened(tmp_path) as container:
        await container.create_item({"id": "a", "key": "k"})
        feed = container.query_items_change_feed(start_time="Beginning")
        assert [item["id"] async for item in feed] == ["a"]
        token = container.client_connection.last_response_headers["etag"]
    async with opened(tmp_path) as container:
        await container.create_item({"id": "b", "key": "k"})
        rest = container.query_items_change_feed(continuation=token)
        assert [item["id"] async for item in rest] == ["b"]


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "cosmos.sqlite3"
    file.write_text("something of somebody else, and long enough to be looked at " * 50)
    before = file.read_bytes()
    with pytest.raises(ForeignFile, match="not a SQLite database"):
        Engine.open(tmp_path)
    assert file.read_bytes() == before


async def test_a_deleted_container_leaves_nothing_in_the_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as container:
        await container.create_item({"id": "a", "key": "k"})
        await container.client_connection.DeleteContainer(container.container_link)
    file = sqlite3.connect(tmp_path / "cosmos.sqlite3")
    for table in ("containers", "commits", "ranges", "partitions", "documents", "terms", "unique_keys"):
        assert file.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608  # our own tables
    file.close()


FOREIGN = {
    "belongs to another program": "CREATE TABLE theirs (x)",
    "schema version 99": f"PRAGMA application_id = {0x434F534D}; PRAGMA user_version = 99",
}


@pytest.mark.parametrize(("reason", "statement"), FOREIGN.items())
def test_another_programs_database_or_version_is_left_alone(
    tmp_path: Path, reason: str, statement: str
) -> None:
    file = tmp_path / "cosmos.sqlite3"
    connection = sqlite3.connect(file)
    connection.executescript(statement)
    connection.close()
    before = file.read_bytes()
    for _ in range(2):  # the second time shows that the folder is not held
        with pytest.raises(ForeignFile, match=reason):
            Engine.open(tmp_path)
    assert file.read_bytes() == before


@pytest.fixture
async def engine_and_container(tmp_path: Path) -> AsyncIterator[tuple[Engine, ContainerProxy]]:
    engine = Engine.open(tmp_path)
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
        database = await client.create_database("d")
        yield engine, await database.create_container("c", PartitionKey("/id"))
    engine.close()


async def test_a_full_disk_is_an_unavailable_service_until_there_is_room(
    engine_and_container: tuple[Engine, ContainerProxy], caplog: pytest.LogCaptureFixture
) -> None:
    engine, container = engine_and_container
    await container.create_item({"id": "small"})
    (pages,) = engine.connection.execute("PRAGMA page_count").fetchone()
    engine.connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(CosmosHttpResponseError) as error:
        await container.create_item({"id": "large", "text": "x" * 100_000})

    assert error.value.status_code == 503
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line == "the data file can't be used for create: database or disk is full"
    assert (await container.read_item("small", "small"))["id"] == "small"
    engine.connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    await container.create_item({"id": "large", "text": "x" * 100_000})


async def test_a_file_damaged_meanwhile_is_an_unavailable_service(
    engine_and_container: tuple[Engine, ContainerProxy], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine, container = engine_and_container
    engine.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.connection.execute("PRAGMA shrink_memory")  # it reads all pages again
    file = tmp_path / "cosmos.sqlite3"
    file.write_bytes(file.read_bytes()[:4096].ljust(file.stat().st_size, b"x"))

    with pytest.raises(CosmosHttpResponseError) as error:
        await container.create_item({"id": "a"})

    assert error.value.status_code == 503
    assert "malformed" in caplog.text


async def test_a_file_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    async with opened(tmp_path) as container:
        await container.create_item({"id": "a", "key": "k"})
    with sqlite3.connect(tmp_path / "cosmos.sqlite3") as file:
        file.executescript(
            "ALTER TABLE databases DROP COLUMN throughput; DROP TABLE ranges; PRAGMA user_version = 1"
        )
    file.close()
    for _ in range(2):
        async with opened(tmp_path) as container:
            assert (await container.read_item("a", "k"))["id"] == "a"
            assert len([each async for each in container.read_feed_ranges()]) == 1


async def test_a_start_broken_off_while_it_made_the_file_is_made_good(tmp_path: Path) -> None:
    with run(BREAK_OFF, tmp_path) as process:
        process.wait()
    assert (tmp_path / "cosmos.sqlite3-journal").exists()
    async with opened(tmp_path) as container:
        await container.create_item({"id": "a", "key": "k"})
