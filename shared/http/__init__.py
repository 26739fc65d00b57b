"""HTTP: what an endpoint takes and gives is declared once, in its function's signature."""

from shared.http.binding import AsCaller, IfMatch
from shared.http.endpoint import endpoint, endpoints
from shared.http.once import AsOnce
from shared.http.openapi import openapi_document
from shared.http.resource import Accepted, Resource

__all__ = [
    "Accepted",
    "AsCaller",
    "AsOnce",
    "IfMatch",
    "Resource",
    "endpoint",
    "endpoints",
    "openapi_document",
]
