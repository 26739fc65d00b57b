"""`AUTH_MODE=entra`: the caller that a bearer token of Microsoft Entra ID proves."""

import hashlib
import re

from cachetools import LRUCache
from starlette.datastructures import Headers

from shared.auth.callers import Identity, caller_of
from shared.auth.keys import SigningKeys
from shared.auth.tokens import Tokens
from shared.clock import Clock
from shared.errors import Unauthorized
from shared.models import Caller
from shared.settings import Settings

MAX_TOKEN = 16 * 1024
MAX_VERIFIED = 10_000

_BEARER = re.compile(r"bearer +([\w.~+/=-]+)", re.IGNORECASE | re.ASCII)


class EntraAuthentication:
    """Verifies each token once: what it said is kept until it expires, under the token's hash."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._keys = SigningKeys(settings.entra_authority, clock)
        self._tokens = Tokens(settings, self._keys, clock)
        self._verified = LRUCache[bytes, tuple[Identity, int]](MAX_VERIFIED)

    async def caller(self, headers: Headers) -> Caller:
        """The caller; raises Unauthorized, Forbidden, and Unavailable where no keys can be had."""
        return caller_of(await self._identity(bearer_token(headers)), headers)

    async def close(self) -> None:
        """Close the connections to the keys' server."""
        await self._keys.close()

    async def _identity(self, token: str) -> Identity:
        name = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(name)
        if known and self._clock() < known[1]:
            return known[0]
        self._verified.pop(name, None)
        verified = await self._tokens.verified(token)
        self._verified[name] = verified
        return verified[0]


def bearer_token(headers: Headers) -> str:
    """The caller's token: API Management hands it on in a header of its own, for it signs in itself."""
    name = "X-Forwarded-Authorization"
    given = headers.getlist(name)
    if not given:
        name = "Authorization"
        given = headers.getlist(name)
    if not given:
        raise Unauthorized("Sign in: send Authorization: Bearer and an access token.", error=None)
    if len(given) > 1:
        raise Unauthorized(f"{name} is given more than once.")
    if len(given[0]) > MAX_TOKEN:
        raise Unauthorized(f"The token in {name} is over {MAX_TOKEN} characters.")
    bearer = _BEARER.fullmatch(given[0])
    if not bearer:
        raise Unauthorized(f"{name} should be 'Bearer' and an access token.")
    return bearer[1]
