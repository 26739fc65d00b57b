"""The pump keeps the promises of the Azure Cosmos DB trigger, over the real SDK and the embedded engine."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import azure.functions as func
import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos import EmbeddedTransport, Engine, Fault
from local.host.change_feed import ChangeFeedPump
from local.host.feed import FeedSettings
from local.host.leases import Leases
from local.host.registered import Refused, RegisteredFunction, registered_functions
from tests.unit.fake_time import FakeTime, settle, until

Retry = dict[str, Any]
FIXED: Retry = {"strategy": "fixed_delay", "max_retry_count": "2", "delay_interval": "00:00:10"}


def feed_function(call: Callable[..., Any], retry: Retry | None = None, **options: Any) -> RegisteredFunction:
    app = func.FunctionApp()
    settings = {"connection": "C", "database_name": "%DB%", "container_name": "items", **options}
    settings.setdefault("start_from_beginning", True)
    decorated = app.cosmos_db_trigger(arg_name="documents", **settings)(call)
    if retry:
        app.retry(**retry)(decorated)
    (function,) = registered_functions(app)
    return function


class Account:
    """An account with a container `items`, its leases, and hosts that come and go."""

    def __init__(self, engine: Engine, client: CosmosClient, time: FakeTime) -> None:
        self.engine, self.time = engine, time
        database = client.get_database_client("db")
        self.items = database.get_container_client("items")
        self.leases = database.get_container_client("leases")

    async def write(self, *ids: str, **fields: Any) -> None:
        for one in ids:
            await self.items.upsert_item({"id": one, "key": "k", **fields})

    async def lease(self) -> dict[str, Any]:
        (document,) = [one async for one in self.leases.read_all_items()]
        return document

    @asynccontextmanager
    async def host(
        self, function: RegisteredFunction, name: str = "laptop", *, killed: bool = False
    ) -> AsyncIterator[None]:
        """A host that is stopped in the end, or killed."""
        async with AsyncExitStack() as clients:
            feed, leases = [await clients.enter_async_context(self._client()) for _ in range(2)]
            settings = FeedSettings.of(function, {"DB": "db"})
            sleep = self.time.sleep
            pump = ChangeFeedPump(function, settings, feed, leases, name, sleep=sleep, clock=self.time)
            running = asyncio.create_task(pump.run())
            await until(pump.started.is_set)
            yield
            if killed:
                self.engine.faults.add(Fault(status=403, times=1_000))  # it can't write its last words
                running.cancel()
            pump.stop()
            await asyncio.gather(running, return_exceptions=killed)
            self.engine.faults.clear()

    def _client(self) -> CosmosClient:
        return CosmosClient(self.engine.url, self.engine.key, transport=EmbeddedTransport(self.engine))


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    time = FakeTime()
    engine = Engine.open(None, clock=time)
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
        database = await client.create_database("db")
        await database.create_container("items", PartitionKey(path="/key"))
        await database.create_container("leases", PartitionKey(path="/id"))
        yield Account(engine, client, time)
    engine.close()


class Listener:
    """A function that notes the ids of each batch; it fails and waits as told."""

    def __init__(self, failures: int = 0) -> None:
        self.batches: list[list[str]] = []
        self.contexts: list[Any] = []
        self.failures = failures
        self.may_return = asyncio.Event()
        self.may_return.set()

    def function(self, retry: Retry | None = None, **options: Any) -> RegisteredFunction:
        async def listen(documents: func.DocumentList, context: func.Context) -> None:
            self.batches.append([document["id"] for document in documents])
            self.contexts.append(context)
            await self.may_return.wait()
            if self.failures:
                self.failures -= 1
                raise RuntimeError("not today")

        return feed_function(listen, retry, **options)

    def got(self, *ids: str) -> Callable[[], bool]:
        return lambda: [one for batch in self.batches for one in batch] == list(ids)


async def test_changes_arrive_in_order_as_documents(account: Account) -> None:
    seen: list[Any] = []

    async def listen(documents: func.DocumentList) -> None:
        assert isinstance(documents, func.DocumentList)
        seen.extend(documents)

    async with account.host(feed_function(listen)):
        await account.write("b", "a", colour="red")
        await account.time.pass_seconds(10)
        assert [document["id"] for document in seen] == ["b", "a"]
        assert isinstance(seen[0], func.Document)
        assert seen[0].to_dict()["colour"] == "red"
        await account.write("b", colour="blue")
        await account.time.pass_seconds(10)
        assert [document["colour"] for document in seen] == ["red", "red", "blue"]


@pytest.mark.parametrize("from_beginning", [True, False])
async def test_what_was_there_before_the_first_start_comes_only_from_the_beginning(
    account: Account, from_beginning: bool
) -> None:
    listener = Listener()
    await account.write("before")
    async with account.host(listener.function(start_from_beginning=from_beginning)):
        await account.write("after")
        await account.time.pass_seconds(10)
    assert listener.got(*(["before", "after"] if from_beginning else ["after"]))()


async def test_what_happens_between_the_first_start_and_the_first_change_survives_a_kill(
    account: Account,
) -> None:
    listener = Listener()
    function = listener.function(start_from_beginning=False)
    async with account.host(function, killed=True):
        pass
    await account.write("between")
    async with account.host(function):
        await until(listener.got("between"))


async def test_a_batch_has_at_most_so_many_documents(account: Account) -> None:
    listener = Listener()
    await account.write("1", "2", "3", "4", "5")
    async with account.host(listener.function(max_items_per_invocation=2)):
        await until(listener.got("1", "2", "3", "4", "5"))
    assert [len(batch) for batch in listener.batches] == [2, 2, 1]


async def test_the_feed_is_asked_again_after_the_poll_delay(account: Account) -> None:
    listener = Listener()
    async with account.host(listener.function(feed_poll_delay=2000)):
        await settle()
        await account.write("1")
        await account.time.pass_seconds(1.9)
        assert listener.batches == []
        await account.time.pass_seconds(0.2)
        await until(listener.got("1"))


async def test_a_position_is_kept_only_when_the_function_has_returned(account: Account) -> None:
    listener = Listener()
    listener.may_return.clear()
    await account.write("1")
    async with account.host(listener.function()):
        await until(listener.got("1"))
        await settle()
        assert (await account.lease())["position"] is None
        listener.may_return.set()
        await settle()
        assert (await account.lease())["position"]


async def test_after_a_kill_the_next_start_delivers_what_was_not_kept_and_waits_for_nothing(
    account: Account,
) -> None:
    first, second = Listener(), Listener()
    await account.write("1")
    async with account.host(first.function(max_items_per_invocation=1), killed=True):
        await until(first.got("1"))
        await settle()
        first.may_return.clear()
        await account.write("2")
        await account.time.pass_seconds(10)
        assert first.got("1", "2")()
    assert (await account.lease())["owner"] == "laptop"
    async with account.host(second.function()):
        await until(second.got("2"))


async def test_a_clean_stop_waits_for_the_function_and_releases_the_lease(account: Account) -> None:
    first, second = Listener(), Listener()
    first.may_return.clear()
    await account.write("1")
    async with account.host(first.function()):
        await until(first.got("1"))
        asyncio.get_running_loop().call_soon(first.may_return.set)
    assert (await account.lease())["owner"] is None
    await account.write("2")
    async with account.host(second.function(), "another"):
        await until(second.got("2"))


async def test_the_retry_policy_sends_the_whole_batch_again_after_its_delay(account: Account) -> None:
    listener = Listener(failures=2)
    await account.write("1", "2")
    async with account.host(listener.function(FIXED)):
        await until(listener.got("1", "2"))
        await account.time.pass_seconds(9)
        assert len(listener.batches) == 1
        await account.time.pass_seconds(11)
        await settle()
        assert listener.batches == [["1", "2"]] * 3
        assert (await account.lease())["position"]
    retries = [context.retry_context for context in listener.contexts]
    assert [(one.retry_count, one.max_retry_count) for one in retries] == [(0, 2), (1, 2), (2, 2)]


async def test_exponential_backoff_doubles_up_to_its_maximum(account: Account) -> None:
    moments: list[float] = []

    async def listen(documents: func.DocumentList) -> None:
        moments.append(account.time())
        raise RuntimeError("never")

    retry = {
        "strategy": "exponential_backoff",
        "max_retry_count": "-1",
        "minimum_interval": "00:00:02",
        "maximum_interval": "00:00:05",
    }
    await account.write("1")
    async with account.host(feed_function(listen, retry), killed=True):
        await account.time.pass_seconds(20)
    assert [moment - moments[0] for moment in moments] == [0, 2, 6, 11, 16]


async def test_a_batch_that_fails_for_good_is_passed_over_and_logged_by_its_ids(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener(failures=3)
    await account.write("1", text="private words")
    async with account.host(listener.function(FIXED)):
        await account.time.pass_seconds(60)
        await account.write("2")
        await account.time.pass_seconds(10)
    assert listener.got("1", "1", "1", "2")()
    assert "function listen failed; passed over are: 1" in caplog.text
    assert "private words" not in caplog.text


async def test_a_function_without_a_retry_policy_is_called_once(account: Account) -> None:
    listener = Listener(failures=1)
    await account.write("1")
    async with account.host(listener.function()):
        await account.time.pass_seconds(60)
    assert listener.got("1")()


async def test_a_stop_while_a_batch_waits_for_its_retry_leaves_it_for_the_next_start(
    account: Account,
) -> None:
    first, second = Listener(failures=1), Listener()
    await account.write("1")
    async with account.host(first.function(FIXED)):
        await until(first.got("1"))
        await settle()
    async with account.host(second.function()):
        await until(second.got("1"))


async def test_a_function_cannot_change_what_its_retry_gets(account: Account) -> None:
    seen: list[Any] = []

    async def listen(documents: func.DocumentList) -> None:
        seen.append(dict(documents[0]["tags"]))
        documents[0]["tags"]["touched"] = True
        raise RuntimeError("not today")

    await account.write("1", tags={})
    async with account.host(feed_function(listen, FIXED)):
        await account.time.pass_seconds(60)
    assert seen == [{}, {}, {}]


async def test_two_hosts_do_not_deliver_the_same_range(account: Account) -> None:
    one, other = Listener(), Listener()
    async with account.host(one.function(), "one"), account.host(other.function(), "other"):
        await account.write("1", "2")
        await account.time.pass_seconds(120)
    assert one.got("1", "2")()
    assert other.batches == []


async def test_another_host_takes_over_once_the_lease_of_a_killed_one_has_expired(account: Account) -> None:
    one, other = Listener(), Listener()
    async with account.host(one.function(), "one", killed=True):
        await settle()
    await account.write("1")
    async with account.host(other.function(), "other"):
        await account.time.pass_seconds(50)
        assert other.batches == []
        await account.time.pass_seconds(30)
        assert other.got("1")()


async def test_a_long_run_keeps_its_lease(account: Account) -> None:
    one, other = Listener(), Listener()
    one.may_return.clear()
    await account.write("1")
    async with account.host(one.function(), "one"), account.host(other.function(), "other"):
        await account.time.pass_seconds(300)
        one.may_return.set()
        await account.time.pass_seconds(60)
    assert one.got("1")()
    assert other.batches == []


async def test_a_host_whose_lease_was_taken_stops_delivering(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener()
    async with account.host(listener.function(), "one"):
        await settle()
        lease = await account.lease()
        await account.leases.upsert_item({**lease, "owner": "other", "expiresAt": account.time() + 1_000})
        await account.time.pass_seconds(20)
        await account.write("1")
        await account.time.pass_seconds(60)
    assert listener.batches == []
    assert "another host took the lease" in caplog.text
    assert (await account.lease())["owner"] == "other"


async def test_two_functions_have_positions_of_their_own(account: Account) -> None:
    quick, stuck = Listener(), Listener()
    stuck.may_return.clear()
    await account.write("1", "2")
    async with (
        account.host(stuck.function(lease_container_prefix="a", max_items_per_invocation=1), killed=True),
        account.host(quick.function(lease_container_prefix="b", max_items_per_invocation=1)),
    ):
        await until(quick.got("1", "2"))
        assert stuck.got("1")()


async def test_trouble_with_the_database_is_logged_once_and_waited_out(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener()
    with caplog.at_level(logging.INFO):
        async with account.host(listener.function()):
            await settle()
            account.engine.faults.add(Fault(status=403, times=5))
            await account.time.pass_seconds(16)
            account.engine.faults.clear()
            await account.write("1")
            await account.time.pass_seconds(60)
            assert listener.got("1")()
    lines = [record.getMessage() for record in caplog.records if record.name == "local.host.trouble"]
    reading = [line for line in lines if line.startswith("reading the change feed for function listen")]
    assert len(reading) == 2
    assert "fails and is tried again" in reading[0]
    assert "works again" in reading[1]


async def test_a_start_with_the_database_away_goes_on_once_it_is_there(account: Account) -> None:
    listener = Listener()
    await account.write("1")
    account.engine.faults.add(Fault(container="leases", status=403, times=3))
    waiting = asyncio.create_task(account.time.pass_seconds(60))
    async with account.host(listener.function()):
        await until(listener.got("1"))
    await waiting


# Leases by themselves


def feed_range(low: str, high: str) -> dict[str, Any]:
    return {"Range": {"min": low, "max": high, "isMinInclusive": True, "isMaxInclusive": False}}


def ids(container: ContainerProxy, owner: str) -> Callable[..., Any]:
    async def take(*ranges: dict[str, Any], held: tuple[str, ...] = ()) -> list[str]:
        return [lease.id for lease in await Leases(container, "p.", owner).take_free(ranges, held)]

    return take


async def test_each_range_has_its_lease_and_new_ranges_get_one(account: Account) -> None:
    take = ids(account.leases, "me")
    assert await take(feed_range("", "7F")) == ["p.-7F"]
    assert await take(feed_range("", "7F"), feed_range("7F", "FF"), held=("p.-7F",)) == ["p.7F-FF"]
    assert await ids(account.leases, "you")(feed_range("", "7F"), feed_range("7F", "FF")) == []


async def test_a_range_that_was_split_stays_with_its_old_lease(account: Account) -> None:
    take = ids(account.leases, "me")
    assert await take(feed_range("", "FF")) == ["p.-FF"]
    assert await take(feed_range("", "7F"), feed_range("7F", "FF")) == ["p.-FF"]


# What is refused at the start


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"lease_container_name": "items"}, "leases cannot lie"),
        ({"start_from_time": "2027-01-01T00:00:00Z"}, "startFromTime"),
        ({"lease_connection": "OTHER"}, "leaseConnection"),
        ({"container_name": "%NOWHERE%"}, "NOWHERE"),
    ],
)
def test_a_trigger_that_cannot_be_served_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=f"function listen.*{reason}"):
        FeedSettings.of(Listener().function(**options), {"DB": "db"})
