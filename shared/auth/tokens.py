"""What makes an access token of Microsoft Entra ID a good one.

https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens
"""

from typing import Any

import jwt
from jwt.exceptions import (
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from shared.auth.callers import ON_BEHALF, Identity, is_name
from shared.auth.keys import SigningKeys
from shared.clock import Clock
from shared.errors import Unauthorized
from shared.settings import Settings

LEEWAY_SECONDS = 60
_ALGORITHM = "RS256"
_REQUIRED = ["exp", "iss", "aud", "tid", "oid"]


class Tokens:
    """The tokens that these settings admit."""

    def __init__(self, settings: Settings, keys: SigningKeys, clock: Clock) -> None:
        self._tenants = settings.tenants
        self._audiences = settings.audiences
        self._authority = settings.entra_authority
        self._keys = keys
        self._clock = clock

    async def verified(self, token: str) -> tuple[Identity, int]:
        """Who a token says it is, and until when that holds, in Unix milliseconds.

        Raises Unauthorized, and Unavailable where the keys to check it with can't be had.
        """
        tenant, kid = self._unverified(token)
        key = await self._keys.get(tenant, kid)
        if key is None:
            raise Unauthorized("The token is signed with a key that its tenant doesn't have.")
        claims = self._claims(token, key, tenant)
        until = self._valid_until(claims)
        return _identity(claims), until

    def _unverified(self, token: str) -> tuple[str, str]:
        """The tenant and the key that a token claims to be of: which keys to check it with, nothing more."""
        try:
            parts = jwt.decode_complete(token, options={"verify_signature": False})
        except PyJWTError:
            raise Unauthorized("The token is not a JSON Web Token.") from None
        header, tenant = parts["header"], parts["payload"].get("tid")
        if header.get("alg") != _ALGORITHM:
            raise Unauthorized(f"The token is not signed with {_ALGORITHM}.")
        if not isinstance(header.get("kid"), str):
            raise Unauthorized("The token doesn't name its key (kid).")
        if tenant is None:
            raise Unauthorized("The token lacks the claim 'tid'.")
        if not isinstance(tenant, str) or tenant not in self._tenants:
            raise Unauthorized("The token is of a tenant that isn't admitted here.")
        return tenant, header["kid"]

    def _claims(self, token: str, key: Any, tenant: str) -> dict[str, Any]:
        """The claims of a token that this key has signed, for us. key: PyJWT's types for it are unions."""
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audiences,
                issuer=[f"{self._authority}/{tenant}/v2.0", f"https://sts.windows.net/{tenant}/"],
                # Times are for _valid_until, by the service's one clock; PyJWT would take the computer's.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except MissingRequiredClaimError as error:
            raise Unauthorized(f"The token lacks the claim '{error.claim}'.") from None
        except InvalidSignatureError:
            raise Unauthorized("The token's signature is wrong.") from None
        except InvalidIssuerError:
            raise Unauthorized("The token's issuer (iss) is not its tenant's.") from None
        except InvalidAudienceError:
            raise Unauthorized("The token is for another audience (aud).") from None
        except (PyJWTError, ValueError, TypeError):
            raise Unauthorized("The token's claims can't be read.") from None

    def _valid_until(self, claims: dict[str, Any]) -> int:
        now = self._clock()
        until = _milliseconds(claims, "exp") + LEEWAY_SECONDS * 1000
        if until <= now:
            raise Unauthorized("The token has expired (exp).")
        if "nbf" in claims and _milliseconds(claims, "nbf") - LEEWAY_SECONDS * 1000 > now:
            raise Unauthorized("The token is not valid yet (nbf).")
        return until


def _milliseconds(claims: dict[str, Any], name: str) -> int:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e11:
        raise Unauthorized(f"The token's claim '{name}' is no time.")
    return int(value * 1000)


def _identity(claims: dict[str, Any]) -> Identity:
    if not is_name(claims["oid"]):
        raise Unauthorized("The token's claim 'oid' is no user's id.")
    scopes, roles = claims.get("scp"), claims.get("roles")
    delegated = frozenset(scopes.split()) if isinstance(scopes, str) else frozenset()
    held = (
        frozenset(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else frozenset()
    )
    if delegated:
        held -= {ON_BEHALF}  # a user may hold it too, but only a service speaks for others
    addresses = (claims.get(name) for name in ("preferred_username", "email", "upn"))
    email = next((address for address in addresses if is_name(address)), None)
    return Identity(claims["tid"], claims["oid"], email, delegated | held)
