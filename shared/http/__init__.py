"""HTTP: what an endpoint takes and gives is declared once, in its function's signature."""

from shared.http.binding import AsCaller, IfMatch, LastEventId
from shared.http.endpoint import endpoint, endpoints
from shared.http.once import AsOnce
from shared.http.openapi import TITLE, openapi_document
from shared.http.resource import Accepted, EventStream, JsonLines, Page, Resource
from shared.http.viewer import viewer

__all__ = [
    "TITLE",
    "Accepted",
    "AsCaller",
    "AsOnce",
    "EventStream",
    "IfMatch",
    "JsonLines",
    "LastEventId",
    "Page",
    "Resource",
    "endpoint",
    "endpoints",
    "openapi_document",
    "viewer",
]
