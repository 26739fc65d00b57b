"""The keys that Microsoft Entra ID signs a tenant's tokens with: fetched on first use, kept, renewed."""

import asyncio
import json
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from shared.clock import Clock
from shared.errors import Unavailable
from shared.logs import trace

# Between two fetches for one tenant, however many unknown keys are named: with keys in hand, without any.
FLOOR_SECONDS = 60
FLOOR_SECONDS_WITHOUT_KEYS = 5
# Microsoft says to look for new keys once a day; this is also how long a withdrawn one lives on.
MAX_AGE_SECONDS = 24 * 60 * 60
FETCH_SECONDS = 5.0
MAX_BYTES = 1024 * 1024
_KEY_BITS = range(2048, 8192 + 1)

logger = logging.getLogger(__name__)


class _Unusable(Exception):
    """What the keys' server answered is no set of keys."""


@dataclass
class _Tenant:
    """A tenant's keys by id, with when they were fetched and when that was last tried (Unix ms)."""

    keys: dict[str, RSAPublicKey] = field(default_factory=dict)
    fetched_at: int = 0
    tried_at: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def failing(self) -> bool:
        """Whether the last try brought nothing."""
        return self.fetched_at < self.tried_at

    def is_due(self, kid: str, now: int) -> bool:
        """Whether to fetch before `kid` is looked up."""
        floor = FLOOR_SECONDS if self.keys else FLOOR_SECONDS_WITHOUT_KEYS
        stale = kid not in self.keys or now - self.fetched_at > MAX_AGE_SECONDS * 1000
        return stale and now - self.tried_at >= floor * 1000


class SigningKeys:
    """The keys of every admitted tenant. authority: where their OpenID configurations are."""

    def __init__(self, authority: str, clock: Clock) -> None:
        self._authority = authority
        self._clock = clock
        self._tenants: defaultdict[str, _Tenant] = defaultdict(_Tenant)
        self._session: aiohttp.ClientSession | None = None

    async def get(self, tenant_id: str, kid: str) -> RSAPublicKey | None:
        """A tenant's key; None where it has no such key. Raises Unavailable where that can't be known."""
        tenant = self._tenants[tenant_id]
        if tenant.is_due(kid, self._clock()):
            async with tenant.lock:  # those who waited find that it isn't due any more
                if tenant.is_due(kid, self._clock()):
                    await self._renew(tenant_id, tenant)
        if kid not in tenant.keys and tenant.failing:
            raise Unavailable(
                "The keys that tokens are checked with can't be had right now; try again.",
                retry_after=FLOOR_SECONDS_WITHOUT_KEYS,
            )
        return tenant.keys.get(kid)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def _renew(self, tenant_id: str, tenant: _Tenant) -> None:
        """Fetch the keys; those in hand stay where that fails."""
        started = self._clock()
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                tenant.keys = await self._fetch(tenant_id)
            tenant.fetched_at = started
        except (aiohttp.ClientError, TimeoutError, OSError, _Unusable) as error:
            logger.error("no signing keys of tenant %s: %s", tenant_id, trace(error))
        tenant.tried_at = started

    async def _fetch(self, tenant_id: str) -> dict[str, RSAPublicKey]:
        issuer = f"{self._authority}/{tenant_id}/v2.0"
        configuration = await self._json(f"{issuer}/.well-known/openid-configuration")
        uri = configuration.get("jwks_uri")
        if configuration.get("issuer") != issuer or not str(uri).startswith(f"{self._authority}/"):
            raise _Unusable
        keys = _keys(await self._json(str(uri)))
        if not keys:
            raise _Unusable
        return keys

    async def _json(self, url: str) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.get(url, allow_redirects=False) as answer:
            text = bytearray()
            async for chunk in answer.content.iter_any():
                text += chunk
                if len(text) > MAX_BYTES:
                    raise _Unusable
        try:
            found = json.loads(text) if answer.status == 200 else None
        except (ValueError, RecursionError):
            raise _Unusable from None
        if not isinstance(found, dict):
            raise _Unusable
        return found


def _keys(key_set: dict[str, Any]) -> dict[str, RSAPublicKey]:
    """The keys of a JWK set (RFC 7517) that RS256 can be checked with; others are passed over."""
    listed = key_set.get("keys")
    found = {}
    for jwk in listed if isinstance(listed, list) else []:
        key = _key(jwk)
        if key:
            found[jwk["kid"]] = key
    return found


def _key(jwk: Any) -> RSAPublicKey | None:
    if not isinstance(jwk, dict) or jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig":
        return None
    if jwk.get("alg", "RS256") != "RS256" or not isinstance(jwk.get("kid"), str):
        return None
    try:
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
    except (InvalidKeyError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size in _KEY_BITS else None
