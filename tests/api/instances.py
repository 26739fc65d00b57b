"""More instances of the service on one database, as a plan that scales out has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from local.cosmos import EmbeddedTransport
from shared.services import Services, install, services
from tests.api.conftest import Service


@asynccontextmanager
async def another_instance(service: Service, **settings: Any) -> AsyncIterator[None]:
    """Requests that come while the context is open go to an instance of its own.

    settings: that differ; with openai_base_url, it is that model that it asks, over the network.
    """
    ours = services()
    elsewhere = "openai_base_url" in settings
    theirs = Services(
        ours.settings.model_copy(update=settings),
        cosmos_transport=EmbeddedTransport(service.engine),
        model_http_client=None if elsewhere else httpx2.AsyncClient(transport=service.model),
        clock=service.clock,
    )
    install(theirs)
    try:
        yield
    finally:
        install(ours)
        await theirs.close()
