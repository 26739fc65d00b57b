"""An Entra ID of one's own on loopback: publishes keys, signs tokens, and can be down, slow or lying."""

import asyncio
import functools
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "1f3d2b4c-0000-4000-8000-00000000beef"
STRANGE_TENANT = "deadbeef-0000-4000-8000-000000000000"
AUDIENCE = "c0ffee00-0000-4000-8000-000000000001"
AUDIENCE_URI = f"api://{AUDIENCE}"
NOW = 1_800_000_000  # where the tests' clock begins
USER = "aaaaaaaa-0000-4000-8000-000000000001"
SERVICE = "bbbbbbbb-0000-4000-8000-000000000002"


@functools.cache
def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The key of a name, the same for a whole run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(kid: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """The public half, as it is published."""
    published = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**published, "kid": kid, "use": "sig", "key_ops": None}


class Issuer:
    """What a test sets: `keys` that are published, `answers` in place of the true ones, `hanging`."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [jwk("first", private_key("first"))]
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.hanging = False
        self.asked: Counter[str] = Counter()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """`configuration` or `keys`, of any tenant."""
        tenant, what = request.match_info["tenant"], request.match_info["what"].rpartition("/")[2]
        what = {"openid-configuration": "configuration"}.get(what, what)
        self.asked[what] += 1
        if self.hanging:
            await asyncio.Event().wait()
        if what in self.answers:
            status, body = self.answers[what]
            return web.Response(status=status, body=body, content_type="application/json")
        if what == "keys":
            return web.json_response({"keys": self.keys})
        issuer = f"{self.url}/{tenant}/v2.0"
        return web.json_response({"issuer": issuer, "jwks_uri": f"{self.url}/{tenant}/discovery/v2.0/keys"})

    def token(
        self,
        *,
        key: Any = None,
        kid: object = "first",
        algorithm: str | None = "RS256",
        headers: Mapping[str, object] | None = None,
        **claims: object,
    ) -> str:
        """A v2.0 token of a user; a claim that is None is left out."""
        merged = {
            "iss": f"{self.url}/{claims.get('tid', TENANT)}/v2.0",
            "aud": AUDIENCE,
            "tid": TENANT,
            "oid": USER,
            "sub": "pairwise",
            "nbf": NOW - 10,
            "exp": NOW + 3600,
            "ver": "2.0",
            "preferred_username": "ada@example.com",
            "scp": "openid Conversations.ReadWrite",
            **claims,
        }
        payload = json.dumps({name: value for name, value in merged.items() if value is not None})
        return jwt.api_jws.encode(  # which signs anything, unlike jwt.encode
            payload.encode(),
            private_key("first") if key is None else key,
            algorithm=algorithm,
            headers={"kid": kid, **(headers or {})} if kid is not None else dict(headers or {}),
        )


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer that serves."""
    issuer, app = Issuer(), web.Application()
    app.router.add_get("/{tenant}/{what:.+}", issuer.answer)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("")).rstrip("/")
        yield issuer


def tampered(token: str, **claims: object) -> str:
    """The token with other claims under the same signature."""
    header, payload, signature = token.split(".")
    changed = json.loads(jwt.utils.base64url_decode(payload)) | claims
    return ".".join([header, jwt.utils.base64url_encode(json.dumps(changed).encode()).decode(), signature])
