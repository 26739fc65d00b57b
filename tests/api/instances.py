"""More instances of the service on one database, as a plan that scales out has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from local.cosmos import EmbeddedTransport
from shared.services import Services, install, services
from tests.api.conftest import Service


@asynccontextmanager
async def another_instance(service: Service) -> AsyncIterator[None]:
    """Requests that come while the context is open go to an instance of its own."""
    ours = services()
    theirs = Services(
        ours.settings,
        cosmos_transport=EmbeddedTransport(service.engine),
        model_http_client=httpx2.AsyncClient(transport=service.model),
        clock=service.clock,
    )
    install(theirs)
    try:
        yield
    finally:
        install(ours)
        await theirs.close()
