"""The change feed's deliveries to the trigger of background turns, when a test says."""

import azure.functions as func

from tests.api.conftest import Service


async def changes(service: Service) -> func.DocumentList:
    """What the change feed has."""
    feed = service.conversations.query_items_change_feed(start_time="Beginning")
    return func.DocumentList([func.Document.from_dict(document) async for document in feed])


async def run_turns(delivered: func.DocumentList) -> None:
    """Call the trigger of the instance that is installed."""
    from functions.background import run_background_turns

    await run_background_turns(delivered)


async def deliver(service: Service) -> None:
    """Call it with all that there is."""
    await run_turns(await changes(service))
