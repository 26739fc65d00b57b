"""What runs without anybody asking: the change-feed trigger and the timer."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import azure.functions as func

from shared.enrichment import due_work
from shared.invocations import background, note_lag
from shared.services import services

bp = func.Blueprint()


def on_changes(lease_prefix: str, *, most: int, poll_ms: int) -> Callable[[Any], Any]:
    """Register a function that is given what has changed, under leases of its own.

    A batch that it raises for comes again five times and is then passed by; the sweep finds what was missed.
    Any: what the decorators give has no type.
    """
    trigger = bp.cosmos_db_trigger(
        arg_name="documents",
        connection="COSMOS",
        database_name="%COSMOS_DB_DATABASE_NAME%",
        container_name="%COSMOS_DB_CONTAINER_NAME%",
        lease_container_name="leases",
        lease_container_prefix=lease_prefix,
        create_lease_container_if_not_exists=False,
        start_from_beginning=True,  # type: ignore[arg-type]  # annotated as a time; the host takes a bool
        max_items_per_invocation=most,
        feed_poll_delay=poll_ms,
    )
    again = bp.retry(
        strategy="exponential_backoff",
        max_retry_count="5",
        minimum_interval="00:00:02",
        maximum_interval="00:05:00",
    )

    def register(function: Callable[[func.DocumentList], Awaitable[None]]) -> Any:
        @wraps(function)
        async def run(documents: func.DocumentList) -> None:
            note_lag(function.__name__, documents, services().clock())
            await function(documents)

        return trigger(again(background("datasource")(run)))

    return register


@on_changes("enrich", most=50, poll_ms=1000)
async def enrich(documents: func.DocumentList) -> None:
    """Write the titles and summaries that have become due; raises where the whole batch must come again."""
    await services().enrichment.enrich(due_work(documents, services().clock()))


@on_changes("usage", most=100, poll_ms=5000)
async def record_usage(documents: func.DocumentList) -> None:
    """Copy what users have used to their tenants' counts; raises where the whole batch must come again."""
    await services().usage.record(documents)


@on_changes("turns", most=20, poll_ms=500)
async def run_background_turns(documents: func.DocumentList) -> None:
    """Answer what was asked in the background; a turn that fails or dies is closed by its lease."""
    await services().queued_turns.run_all(documents)


@bp.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False, use_monitor=True)
@background("timer")
async def sweep(timer: func.TimerRequest) -> None:
    """Every minute: close turns whose server has died, and do due work that was missed."""
    await services().sweep.run()


@bp.timer_trigger(arg_name="timer", schedule="30 * * * * *", run_on_startup=False, use_monitor=True)
@background("timer")
async def purge(timer: func.TimerRequest) -> None:
    """Every minute: remove what was purged or cleared, and what can't be restored any more."""
    await services().purges.run()


@bp.timer_trigger(arg_name="timer", schedule="15 * * * * *", run_on_startup=False, use_monitor=True)
@background("timer")
async def run_operations(timer: func.TimerRequest) -> None:
    """Every minute: go on with exports and erasures."""
    await services().operations.run()


@bp.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=False, use_monitor=True)
@background("timer")
async def end_inactive(timer: func.TimerRequest) -> None:
    """Every five minutes: end conversations without activity, in the tenants that want it."""
    await services().inactivity.run()
