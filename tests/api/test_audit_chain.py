"""Each shard of the audit log is a chain of hashes: whatever is done to it by hand shows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from local.cosmos import Fault
from shared.audit import SHARDS, hash_of
from shared.audit_check import check
from shared.records import AuditEntry
from tests.api.conftest import Service
from tests.api.raw_store import everything

ROOT = {"X-Local-User": "root", "X-Local-Roles": "Conversations.Admin"}
MONTH = "2027-01"


async def _chains(service: Service) -> dict[int, list[dict[str, Any]]]:
    """The shards that have entries, as they are stored."""
    rows = [row for row in (await everything(service))["tenant_ops"] if row["type"] == "audit"]
    rows.sort(key=lambda row: int(row["seq"]))
    shards = {row["shard"] for row in rows}
    return {shard: [row for row in rows if row["shard"] == shard] for shard in shards}


async def _act(service: Service, times: int) -> None:
    acts = (service.http.get("tenant/conversations", headers=ROOT) for _ in range(times))
    assert {answer.status_code for answer in await asyncio.gather(*acts)} == {200}


async def test_the_log_is_whole_after_many_acts_at_once(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    await _act(service, 60)

    assert sum(map(len, (await _chains(service)).values())) == 60
    assert await check(["--tenant", "local-tenant", "--month", MONTH]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "whole"
    chains = await _chains(service)
    assert said[1:] == [
        f"shard {shard}: {len(chains[shard])} entries, {chains[shard][-1]['hash']}"
        for shard in sorted(chains)
    ]


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 408, "after": True}, {"dropped": True, "after": True}]
)
async def test_an_act_is_on_record_once_though_the_databases_answer_is_lost(
    service: Service, fault: dict[str, Any]
) -> None:
    await _act(service, 1)
    service.engine.faults.add(Fault("batch", container="tenant_ops", **fault))

    await _act(service, 1)

    assert sum(map(len, (await _chains(service)).values())) == 2
    assert await check(["--tenant", "local-tenant"]) == 0


Break = Callable[[Service, list[dict[str, Any]], dict[str, Any]], Awaitable[object]]


def _key(row: dict[str, Any]) -> list[str]:
    return [row["tenantId"], row["scope"]]


BREAKS: dict[str, Break] = {
    "an entry is changed": lambda service, rows, _: service.tenant_ops.upsert_item(
        rows[1] | {"actor": "bob"}
    ),
    "its time is changed": lambda service, rows, _: service.tenant_ops.upsert_item(rows[1] | {"at": 7}),
    "it is hidden from the list": lambda service, rows, _: service.tenant_ops.upsert_item(
        rows[1] | {"atKey": ""}
    ),
    "it is no entry any more": lambda service, rows, _: service.tenant_ops.upsert_item(
        rows[1] | {"seq": None}
    ),
    "an entry is removed": lambda service, rows, _: service.tenant_ops.delete_item(
        rows[1]["id"], _key(rows[1])
    ),
    "the first is removed": lambda service, rows, _: service.tenant_ops.delete_item(
        rows[0]["id"], _key(rows[0])
    ),
    "the last is removed": lambda service, rows, _: service.tenant_ops.delete_item(
        rows[-1]["id"], _key(rows[-1])
    ),
    "one is put behind": lambda service, rows, _: service.tenant_ops.create_item(rows[1] | {"id": "zzz"}),
    "the head is rolled back": lambda service, rows, head: service.tenant_ops.upsert_item(
        head | {"seq": rows[-2]["seq"], "hash": rows[-2]["hash"]}
    ),
    "the head is removed": lambda service, _, head: service.tenant_ops.delete_item("head", _key(head)),
}


@pytest.mark.parametrize("broken", BREAKS)
async def test_a_log_that_somebody_has_changed_is_found_out(
    service: Service, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await _act(service, 3 * SHARDS)
    shard, rows = max((await _chains(service)).items(), key=lambda chain: len(chain[1]))
    head = await service.tenant_ops.read_item("head", _key(rows[0]))

    await BREAKS[broken](service, rows, dict(head))

    assert await check(["--tenant", "local-tenant", "--month", MONTH]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"shard {shard}: ")


async def test_an_entry_changed_with_its_hash_is_found_out_by_the_next(service: Service) -> None:
    await _act(service, 3 * SHARDS)
    rows = max((await _chains(service)).values(), key=len)
    forged = AuditEntry.model_validate(rows[0]).model_copy(update={"actor": "bob"})
    await service.tenant_ops.upsert_item(rows[0] | {"actor": "bob", "hash": hash_of(forged)})

    assert await check(["--tenant", "local-tenant"]) == 1


async def test_a_month_without_acts_is_no_broken_log(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    await _act(service, 1)

    assert await check(["--tenant", "local-tenant", "--month", "2026-12"]) == 0
    assert capsys.readouterr().out == "no entries\n"


async def test_a_database_that_is_away_is_no_broken_log(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    await _act(service, 1)
    service.engine.faults.add(Fault("query", status=403, times=None))

    assert await check(["--tenant", "local-tenant"]) == 2
    assert capsys.readouterr().out == ""
