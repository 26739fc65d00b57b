"""Conversations without activity are ended where the tenant wants it, and nowhere else."""

import asyncio
from typing import Any

import pytest

from functions.background import end_inactive
from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.raw import OWNER
from tests.api.refusals import refused
from tests.api.test_policy import decide

HOUR = 60 * 60


async def _statuses(service: Service, *made: dict[str, Any]) -> list[tuple[str, str | None]]:
    found = [await service.get(one["id"]) for one in made]
    return [(one["status"], one["end_reason"]) for one in found]


async def test_without_a_policy_nothing_is_ended(service: Service) -> None:
    one = await service.new_conversation()
    await decide(service, retentionDays=5)
    service.clock.pass_seconds(1_000 * HOUR)

    await end_inactive(None)

    assert await _statuses(service, one) == [("active", None)]


async def test_what_was_inactive_for_as_long_as_the_tenant_says_is_ended(service: Service) -> None:
    await decide(service, inactiveAfterMinutes=60)
    old, talked_to = await service.new_conversation(), await service.new_conversation()
    service.clock.pass_seconds(HOUR - 60)
    await service.add(talked_to["id"], "Hello.")
    new = await service.new_conversation()
    await end_inactive(None)
    assert await _statuses(service, old, talked_to, new) == [("active", None)] * 3

    service.clock.pass_seconds(61)
    await end_inactive(None)

    assert await _statuses(service, old, talked_to, new) == [
        ("ended", "inactivity"),
        ("active", None),
        ("active", None),
    ]
    ended = await service.get(old["id"])
    assert ended["ended_at"] == service.clock.now // 1000
    assert ended["last_activity_at"] == old["last_activity_at"]


async def test_a_rename_is_no_activity(service: Service) -> None:
    await decide(service, inactiveAfterMinutes=60)
    one = await service.new_conversation()
    service.clock.pass_seconds(HOUR + 1)
    await service.http.put(f"conversations/{one['id']}", json={"title": "Mine"})

    await end_inactive(None)

    assert await _statuses(service, one) == [("ended", "inactivity")]


async def test_only_the_tenant_that_wants_it_and_all_of_its_users(service: Service) -> None:
    await decide(service, "elsewhere", inactiveAfterMinutes=1)
    here = await service.new_conversation()
    there = [
        {"X-Local-Tenant": "elsewhere"},
        {"X-Local-Tenant": "elsewhere", "X-Local-User": "ada"},
        {"X-Local-Tenant": "elsewhere2"},
    ]
    made = [(await service.http.post("conversations", headers=headers)).json() for headers in there]
    service.clock.pass_seconds(61)

    await end_inactive(None)

    assert await _statuses(service, here) == [("active", None)]
    found = [
        (await service.http.get(f"conversations/{one['id']}", headers=headers)).json()["status"]
        for one, headers in zip(made, there, strict=True)
    ]
    assert found == ["ended", "ended", "active"]


async def test_what_is_ended_archived_or_deleted_stays_as_it_is(service: Service) -> None:
    await decide(service, inactiveAfterMinutes=1)
    ended, archived, deleted = [await service.new_conversation() for _ in range(3)]
    await service.http.post(f"conversations/{ended['id']}/end")
    await service.http.post(f"conversations/{archived['id']}/archive")
    await service.http.delete(f"conversations/{deleted['id']}")
    service.clock.pass_seconds(HOUR)

    await end_inactive(None)
    await service.http.post(f"conversations/{deleted['id']}/restore")

    assert await _statuses(service, ended, archived, deleted) == [
        ("ended", "user"),
        ("archived", None),
        ("active", None),
    ]


async def test_one_that_came_alive_meanwhile_is_not_touched(service: Service) -> None:
    await decide(service, inactiveAfterMinutes=1)
    quiet, alive = await service.new_conversation(), await service.new_conversation()
    service.clock.pass_seconds(61)
    reading = service.engine.faults.add(Fault("read", delay=0.1))  # the timer has found both, and reads one

    async def come_alive() -> None:
        while reading.times:  # noqa: ASYNC110 - the fault has no event to wait for
            await asyncio.sleep(0.001)
        await service.add(alive["id"], "Still here.")

    await asyncio.gather(end_inactive(None), come_alive())

    assert await _statuses(service, quiet, alive) == [("ended", "inactivity"), ("active", None)]


async def test_a_running_turn_is_activity(service: Service) -> None:
    await decide(service, inactiveAfterMinutes=1)
    one = await service.new_conversation()

    async def time_passes() -> None:
        service.clock.pass_seconds(90)
        await end_inactive(None)

    service.model.before_answering = time_passes  # type: ignore[method-assign]
    turn = await service.ask(one["id"], "Hello?")

    assert turn["status"] == "completed"
    assert await _statuses(service, one) == [("active", None)]


async def test_a_message_reopens_what_inactivity_ended_and_the_user_may_do_so_too(service: Service) -> None:
    await decide(service, inactiveAfterMinutes=1)
    made = [await service.new_conversation() for _ in range(3)]
    service.clock.pass_seconds(61)
    await end_inactive(None)

    await service.add(made[0]["id"], "Hello.")
    await service.ask(made[1]["id"], "Hello?")
    assert (await service.http.post(f"conversations/{made[2]['id']}/reopen")).status_code == 200

    assert await _statuses(service, *made) == [("active", None)] * 3
    await service.http.post(f"conversations/{made[0]['id']}/end")
    answer = await service.http.post(
        f"conversations/{made[0]['id']}/messages", json={"role": "user", "content": "Hello."}
    )
    refused(answer, 409, "conversation_not_active")


async def test_two_timers_at_once_end_each_once(service: Service) -> None:
    await decide(service, inactiveAfterMinutes=1)
    made = [await service.new_conversation() for _ in range(20)]
    service.clock.pass_seconds(61)

    with service.engine.recording() as calls:
        await asyncio.gather(end_inactive(None), end_inactive(None))

    assert await _statuses(service, *made) == [("ended", "inactivity")] * 20
    assert [call.status for call in calls if call.operation == "patch"].count(200) == 20


async def test_more_than_a_run_ends_is_left_for_the_next(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.inactivity.RUN_LIMIT", 3)
    await decide(service, inactiveAfterMinutes=1)
    made = [await service.new_conversation() for _ in range(5)]
    service.clock.pass_seconds(61)

    await end_inactive(None)
    assert (await _statuses(service, *made)).count(("ended", "inactivity")) == 3
    await end_inactive(None)
    assert (await _statuses(service, *made)).count(("ended", "inactivity")) == 5


async def test_one_that_cant_be_ended_doesnt_hold_up_the_others(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    await decide(service, inactiveAfterMinutes=1)
    broken, other = await service.new_conversation(), await service.new_conversation()
    breaking: list[dict[str, Any]] = [{"op": "set", "path": "/nextSeq", "value": "?"}]
    await service.conversations.patch_item(broken["id"], OWNER, breaking)
    service.clock.pass_seconds(61)

    await end_inactive(None)

    assert await _statuses(service, other) == [("ended", "inactivity")]
    assert f"{broken['id']} could not be ended" in caplog.text


@pytest.mark.parametrize("minutes", ["soon", None, 0, -5, True, 1.5, [1], {"a": 1}])
async def test_a_timeout_that_is_no_number_of_minutes_ends_nothing(service: Service, minutes: Any) -> None:
    await decide(service, inactiveAfterMinutes=minutes)
    await decide(service, "elsewhere", inactiveAfterMinutes=1)
    there = {"X-Local-Tenant": "elsewhere"}
    here, other = await service.new_conversation(), await service.http.post("conversations", headers=there)
    service.clock.pass_seconds(1_000 * HOUR)

    await end_inactive(None)

    assert await _statuses(service, here) == [("active", None)]
    found = await service.http.get(f"conversations/{other.json()['id']}", headers=there)
    assert found.json()["status"] == "ended"
