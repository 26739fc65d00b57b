"""What runs without anybody asking: the change-feed trigger and the timer."""

import azure.functions as func

from shared.enrichment import due_work
from shared.logs import discreet
from shared.services import services

bp = func.Blueprint()


@bp.cosmos_db_trigger(
    arg_name="documents",
    connection="COSMOS",
    database_name="%COSMOS_DB_DATABASE_NAME%",
    container_name="%COSMOS_DB_CONTAINER_NAME%",
    lease_container_name="leases",
    lease_container_prefix="enrich",
    create_lease_container_if_not_exists=False,
    start_from_beginning=True,  # type: ignore[arg-type]  # annotated as a time; the host takes a bool
    max_items_per_invocation=50,
    feed_poll_delay=1000,
)
@bp.retry(
    strategy="exponential_backoff",
    max_retry_count="5",
    minimum_interval="00:00:02",
    maximum_interval="00:05:00",
)
@discreet
async def enrich(documents: func.DocumentList) -> None:
    """Write the titles and summaries that have become due; raises where the whole batch must come again."""
    await services().enrichment.enrich(due_work(documents, services().clock()))


@bp.cosmos_db_trigger(
    arg_name="documents",
    connection="COSMOS",
    database_name="%COSMOS_DB_DATABASE_NAME%",
    container_name="%COSMOS_DB_CONTAINER_NAME%",
    lease_container_name="leases",
    lease_container_prefix="usage",
    create_lease_container_if_not_exists=False,
    start_from_beginning=True,  # type: ignore[arg-type]  # annotated as a time; the host takes a bool
    max_items_per_invocation=100,
    feed_poll_delay=5000,
)
@bp.retry(
    strategy="exponential_backoff",
    max_retry_count="5",
    minimum_interval="00:00:02",
    maximum_interval="00:05:00",
)
@discreet
async def record_usage(documents: func.DocumentList) -> None:
    """Copy what users have used to their tenants' counts; raises where the whole batch must come again."""
    await services().usage.record(documents)


@bp.cosmos_db_trigger(
    arg_name="documents",
    connection="COSMOS",
    database_name="%COSMOS_DB_DATABASE_NAME%",
    container_name="%COSMOS_DB_CONTAINER_NAME%",
    lease_container_name="leases",
    lease_container_prefix="turns",
    create_lease_container_if_not_exists=False,
    start_from_beginning=True,  # type: ignore[arg-type]  # annotated as a time; the host takes a bool
    max_items_per_invocation=20,
    feed_poll_delay=500,
)
@bp.retry(
    strategy="exponential_backoff",
    max_retry_count="5",
    minimum_interval="00:00:02",
    maximum_interval="00:05:00",
)
@discreet
async def run_background_turns(documents: func.DocumentList) -> None:
    """Answer what was asked in the background; a turn that fails or dies is closed by its lease."""
    await services().turns.run_all_queued(documents)


@bp.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False, use_monitor=True)
@discreet
async def sweep(timer: func.TimerRequest) -> None:
    """Every minute: close turns whose server has died, and do due work that was missed."""
    await services().sweep.run()


@bp.timer_trigger(arg_name="timer", schedule="30 * * * * *", run_on_startup=False, use_monitor=True)
@discreet
async def purge(timer: func.TimerRequest) -> None:
    """Every minute: remove what was purged or cleared, and what can't be restored any more."""
    await services().purges.run()


@bp.timer_trigger(arg_name="timer", schedule="15 * * * * *", run_on_startup=False, use_monitor=True)
@discreet
async def run_operations(timer: func.TimerRequest) -> None:
    """Every minute: go on with exports and erasures."""
    await services().operations.run()


@bp.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=False, use_monitor=True)
@discreet
async def end_inactive(timer: func.TimerRequest) -> None:
    """Every five minutes: end conversations without activity, in the tenants that want it."""
    await services().inactivity.run()
