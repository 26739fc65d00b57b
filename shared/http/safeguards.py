"""What holds for every request and every answer, whichever the endpoint."""

import asyncio
from collections.abc import Awaitable

from fastapi import Response

from shared.errors import Unavailable

# Past this the front end of Azure has hung up (after 230 s); a turn goes on without its request.
LONGEST_SECONDS = 220.0
# For whatever shows an answer: take it for what it says it is, keep no copy, run and embed nothing.
# https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


async def in_time(answering: Awaitable[Response]) -> Response:
    """The answer, if it is made in time; how long a stream then takes is its own affair."""
    try:
        async with asyncio.timeout(LONGEST_SECONDS) as limit:
            return await answering
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise Unavailable("The request took too long and was given up; try again.", retry_after=5) from error


def secure(response: Response) -> None:
    """Add the headers; one that the endpoint has set itself stays."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
