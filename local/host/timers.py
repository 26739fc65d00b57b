"""Runs timer functions on their schedules, in UTC."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.functions.timer import TimerRequest
from croniter import CroniterError, croniter

from local.host.invocation import invoke
from local.host.registered import Refused, RegisteredFunction

logger = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[Any]]
# What NCRONTAB takes in a field; croniter would take more.
_FIELD = re.compile(r"(?:\d+|[a-z]{3}|[*/,-])+", re.IGNORECASE)
_TIME_SPAN = re.compile(r"(\d+):(\d\d):(\d\d)")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Schedule:
    """When a timer is due: six NCRONTAB fields, seconds first, or an interval `hh:mm:ss`."""

    text: str

    def __post_init__(self) -> None:
        fields = self.text.split()
        if _TIME_SPAN.fullmatch(self.text):
            return
        try:
            if len(fields) != 6 or not all(map(_FIELD.fullmatch, fields)):
                raise Refused(f"the schedule {self.text!r} is not six NCRONTAB fields, seconds first")
            self.after(_now())
        except CroniterError as error:
            raise Refused(f"the schedule {self.text!r} is no NCRONTAB expression: {error}") from None

    def after(self, moment: datetime) -> datetime:
        """The first time it is due after `moment`. NCRONTAB wants day and weekday both to fit."""
        span = _TIME_SPAN.fullmatch(self.text)
        if span:
            hours, minutes, seconds = map(int, span.groups())
            return moment + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        due: datetime = croniter(
            self.text, moment, ret_type=datetime, second_at_beginning=True, day_or=False
        ).get_next()
        return due


async def run_timer(function: RegisteredFunction, schedule_status: Mapping[str, str] | None = None) -> None:
    """Run a timer function once, after the run of it that may be under way."""
    request = TimerRequest(
        past_due=False, schedule={"AdjustForDST": True}, schedule_status=dict(schedule_status or {})
    )
    async with function.alone:
        await invoke(function, request)


class Timer:
    """One timer function on its schedule.

    Args:
        function: with a timer trigger.
        environment: fills `%SETTING%` in the schedule.
        now: the time, in UTC.
        sleep: waits for so many seconds.

    Raises:
        Refused: the schedule cannot be read.
    """

    def __init__(
        self,
        function: RegisteredFunction,
        environment: Mapping[str, str],
        *,
        now: Callable[[], datetime] = _now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._function, self._now, self._sleep = function, now, sleep
        try:
            self._schedule = Schedule(function.setting("schedule", environment))
        except Refused as refused:
            raise Refused(f"function {function.name}: {refused}") from None

    async def run(self) -> None:
        """Run the function whenever it is due, until cancelled."""
        last = ""
        if self._function.trigger.get("runOnStartup"):
            last = await self._run(last, self._now())
        while True:
            due = self._schedule.after(self._now())
            while (wait := (due - self._now()).total_seconds()) > 0:
                await self._sleep(wait)
            last = await self._run(last, due)

    async def _run(self, last: str, due: datetime) -> str:
        next_due = self._schedule.after(due)
        status = {"Last": last, "Next": next_due.isoformat(), "LastUpdated": self._now().isoformat()}
        try:
            await run_timer(self._function, status)
        except Exception:
            logger.exception("timer %s failed", self._function.name)
        return due.isoformat()
