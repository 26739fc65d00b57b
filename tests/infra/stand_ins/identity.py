"""App Service's managed identity: an endpoint inside the machine that hands out tokens for it.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

_HEADER = "known-to-the-app-only"
_SECONDS = 24 * 60 * 60


class ManagedIdentity:
    """Hands tokens to whoever has its secret header and names the right identity."""

    def __init__(self, client_id: str) -> None:
        self.settings: dict[str, str] = {}
        self._client_id = client_id

    def token(self, resource: str) -> str:
        """The one that is good for a resource."""
        return f"token-of-{self._client_id}-for-{resource.rstrip('/')}"

    async def answer(self, request: web.Request) -> web.Response:
        """A token, or a refusal."""
        if request.headers.get("X-IDENTITY-HEADER") != _HEADER:
            return web.Response(status=403)
        if request.query.get("client_id") != self._client_id:
            return web.Response(status=400)
        resource = request.query["resource"]
        expires = str(int(time.time()) + _SECONDS)
        return web.json_response(
            {
                "access_token": self.token(resource),
                "expires_on": expires,
                "resource": resource,
                "token_type": "Bearer",
            }
        )


@asynccontextmanager
async def managed_identity(client_id: str) -> AsyncIterator[ManagedIdentity]:
    """An identity of this client id, that answers."""
    identity, app = ManagedIdentity(client_id), web.Application()
    app.router.add_get("/msi/token", identity.answer)
    async with TestServer(app) as server:
        identity.settings = {
            "IDENTITY_ENDPOINT": str(server.make_url("/msi/token")),
            "IDENTITY_HEADER": _HEADER,
        }
        yield identity
