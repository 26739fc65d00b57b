"""Endpoints about the service itself; they ask for no token."""

from typing import Any

import azure.functions as func
from pydantic import RootModel

from shared.http import TITLE, Page, endpoint, endpoints, openapi_document, viewer
from shared.schemas.system import Health
from shared.services import services

bp = func.Blueprint()


class OpenAPI(RootModel[dict[str, Any]]):
    """An OpenAPI document."""


@endpoint(bp, "GET", "health/live")
async def live() -> Health:
    """Say that the process runs."""
    return Health()


@endpoint(bp, "GET", "health/ready")
async def ready() -> Health:
    """Say that the database can be reached; the error names the part that can't."""
    await services().database.ping()
    return Health()


@endpoint(bp, "GET", "openapi.json")
async def openapi() -> OpenAPI:
    """Describe this API in OpenAPI 3.1."""
    return OpenAPI(openapi_document(endpoints()))


@endpoint(bp, "GET", "docs")
async def docs() -> Page:
    """Show this API in a browser."""
    return viewer(TITLE)
