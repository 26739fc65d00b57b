"""Timer functions on their schedules."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import httpx2
import pytest

from local.host.admin import Admin
from local.host.registered import Refused, RegisteredFunction, registered_functions
from local.host.timers import Schedule, Timer
from tests.unit.fake_time import FakeTime, settle

EIGHT = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)  # a Friday


def timer_function(call: Callable[..., Any], schedule: str, **options: Any) -> RegisteredFunction:
    app = func.FunctionApp()
    app.timer_trigger(arg_name="timer", schedule=schedule, **options)(call)
    (function,) = registered_functions(app)
    return function


@asynccontextmanager
async def running(function: RegisteredFunction, time: FakeTime, **environment: str) -> AsyncIterator[None]:
    timer = Timer(function, environment, now=time.now, sleep=time.sleep)
    task = asyncio.create_task(timer.run())
    await settle()
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("0 */5 * * * *", EIGHT + timedelta(minutes=5)),
        ("30 * * * * *", EIGHT + timedelta(seconds=30)),
        ("0 0 3 * * *", EIGHT + timedelta(hours=19)),
        ("0 0 9 * * MON-FRI", EIGHT + timedelta(hours=1)),
        ("0 0 0 1 * 1", datetime(2027, 2, 1, tzinfo=UTC)),  # a first that is a Monday, not either of them
        ("00:10:00", EIGHT + timedelta(minutes=10)),
    ],
)
def test_a_schedule_has_seconds_first_and_counts_in_utc(schedule: str, due: datetime) -> None:
    assert Schedule(schedule).after(EIGHT) == due


@pytest.mark.parametrize("schedule", ["* * * * *", "0 0 0 ? * *", "0 0 0 L * *", "often", "0 61 * * * *", ""])
def test_a_schedule_that_azure_cannot_read_is_refused_by_the_functions_name(schedule: str) -> None:
    def tidy(timer: func.TimerRequest) -> None: ...

    with pytest.raises(Refused, match="function tidy"):
        Timer(timer_function(tidy, schedule), {})


async def test_a_function_runs_whenever_it_is_due_and_is_told_its_schedule() -> None:
    time = FakeTime()
    seen: list[tuple[datetime, func.TimerRequest]] = []

    async def tidy(timer: func.TimerRequest) -> None:
        seen.append((time.now(), timer))

    async with running(timer_function(tidy, "0 */5 * * * *"), time):
        await time.pass_seconds(299)
        assert seen == []
        await time.pass_seconds(302)
    assert [moment for moment, _ in seen] == [EIGHT + timedelta(minutes=5), EIGHT + timedelta(minutes=10)]
    request: Any = seen[1][1]
    assert request.past_due is False
    assert request.schedule_status["Last"] == "2027-01-15T08:05:00+00:00"
    assert request.schedule_status["Next"] == "2027-01-15T08:15:00+00:00"


def test_the_schedule_may_be_a_setting() -> None:
    def tidy(timer: func.TimerRequest) -> None: ...

    function = timer_function(tidy, "%TIDY_SCHEDULE%")
    with pytest.raises(Refused, match="TIDY_SCHEDULE"):
        Timer(function, {})
    with pytest.raises(Refused, match="'hourly'"):
        Timer(function, {"TIDY_SCHEDULE": "hourly"})


async def test_run_on_startup_runs_it_at_once() -> None:
    time, runs = FakeTime(), list[datetime]()

    async def tidy(timer: func.TimerRequest) -> None:
        runs.append(time.now())

    async with running(timer_function(tidy, "0 0 * * * *", run_on_startup=True), time):
        assert runs == [EIGHT]


async def test_a_run_that_takes_longer_than_the_interval_has_no_second_one_beside_it() -> None:
    time, running_now, most = FakeTime(), 0, 0

    async def tidy(timer: func.TimerRequest) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await time.sleep(90)
        running_now -= 1

    function = timer_function(tidy, "0 * * * * *")
    admin = Admin([function])
    async with (
        running(function, time),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(admin), base_url="http://test") as http,
    ):
        await time.pass_seconds(70)
        assert (await http.post("/admin/functions/tidy")).status_code == 202
        await time.pass_seconds(600)
    assert most == 1


async def test_a_run_that_fails_is_logged_and_the_timer_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    time, runs = FakeTime(), 0

    async def tidy(timer: func.TimerRequest) -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR):
        async with running(timer_function(tidy, "0 * * * * *"), time):
            await time.pass_seconds(121)
    assert runs == 2
    assert "timer tidy failed" in caplog.text
