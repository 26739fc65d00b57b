"""Who may ask: the signature that a request carries, made with the account's key.

`authorization: type=master&ver=1.0&sig=…` (percent-encoded), an HMAC-SHA256 of what `payloads` returns. The
rule is the service's: https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
"""

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import unquote

from local.cosmos.errors import CosmosError
from local.cosmos.wire.messages import AUTHORIZATION, DATE, HTTP_DATE, Request

# The official emulator's key, the same everywhere and printed in its documentation: it protects nothing.
WELL_KNOWN_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="

_LIFETIME = timedelta(minutes=15)
_CLOCKS_APART = timedelta(minutes=5)  # how far ahead of ours a client's may be; the service does not say


class NotAKey(Exception):
    """A key is base64, and this is not."""


class Signature:
    """Checks what requests carry against one key; raises NotAKey on creation."""

    def __init__(self, key: str) -> None:
        try:
            self._key = base64.b64decode(key, validate=True)
        except binascii.Error as error:
            raise NotAKey("is not a key: a key is base64, like the one that the portal shows") from error

    def check(self, request: Request, now: datetime) -> None:
        """Raise 401 unless the signature is right, and 403 if it was made too long ago."""
        given = _given(request.headers.get(AUTHORIZATION, ""))
        start, end = _validity(request)
        expected = payloads(request)
        if not any(hmac.compare_digest(given, self.of(payload)) for payload in expected):
            raise _unauthorized(
                "The input authorization token can't serve the request. The wrong key is being used or the "
                "expected payload is not built as per the protocol. For more info: "
                "https://aka.ms/cosmosdb-tsg-unauthorized. Server used the following payload to "
                f"sign: '{expected[0]}'"
            )
        if now > end or start - now > _CLOCKS_APART:
            raise _outdated(start, end, now)

    def of(self, payload: str) -> bytes:
        """The signature of a payload, in base64."""
        return base64.b64encode(hmac.digest(self._key, payload.encode(), "sha256"))


def payloads(request: Request) -> list[str]:
    """What a client may have signed: the path of names, or in a path of resource ids the last of them."""
    kind, link = _resource(request.path)
    dates = "\n".join(request.headers.get(name, "").lower() for name in (DATE, HTTP_DATE))
    links = (link, link.rpartition("/")[2].lower())
    return [f"{request.method.lower()}\n{kind.lower()}\n{each}\n{dates}\n" for each in links]


def _resource(path: str) -> tuple[str, str]:
    """Type and link: of `/dbs/d/colls/c` it is colls and itself, of `/dbs/d/colls` colls and `dbs/d`."""
    segments = [unquote(segment) for segment in path.strip("/").split("/")]
    if segments[-2:-1] == ["operations"]:  # on a container, and signed as if the container were asked for
        segments = segments[:-2]
    if len(segments) % 2:
        return segments[-1], "/".join(segments[:-1])
    return segments[-2], "/".join(segments)


def _given(header: str) -> bytes:
    """The signature in the header; raises 401."""
    if not header:
        raise _unauthorized(
            "Required Header authorization is missing. Ensure a valid Authorization token is passed."
        )
    parts = dict(part.partition("=")[::2] for part in unquote(header).split("&"))
    if (parts.get("type"), parts.get("ver")) != ("master", "1.0") or not parts.get("sig"):
        raise _unauthorized(
            "The input authorization token is not of the form type=master&ver=1.0&sig=…, "
            "and keys are all that the embedded engine knows."
        )
    return parts["sig"].encode(errors="replace")


def _validity(request: Request) -> tuple[datetime, datetime]:
    """From when to when the signature holds; raises 401."""
    text = request.headers.get(DATE) or request.headers.get(HTTP_DATE) or ""
    try:
        start = parsedate_to_datetime(text).astimezone(UTC)
        return start, start + _LIFETIME
    except (ValueError, OverflowError) as error:
        raise _unauthorized(
            "The input date header is invalid format. Please pass in RFC 1123 style date format."
        ) from error


def _unauthorized(message: str) -> CosmosError:
    return CosmosError(401, message)


def _outdated(*times: datetime) -> CosmosError:
    start, end, current = (format_datetime(each, usegmt=True) for each in times)
    return CosmosError(
        403,
        "The authorization token is not valid at the current time. Please create another token and retry "
        f"(token start time: {start}, token expiry time: {end}, current server time: {current}).",
    )
