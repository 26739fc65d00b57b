"""What can be made to go wrong with the offline model, to see by hand how the service takes it."""

import asyncio
from typing import Literal

import httpx2

Trouble = Literal["none", "slow", "hang", "error", "rate_limit", "broken", "length", "content_filter"]

_SLOW_SECONDS = 5.0
_HALF = ("broken", "length", "content_filter")


async def at_once(trouble: Trouble) -> httpx2.Response | None:
    """What comes in place of an answer, or before it: a wait, for ever with `hang`; a refusal."""
    match trouble:
        case "slow":
            await asyncio.sleep(_SLOW_SECONDS)
        case "hang":
            await asyncio.Event().wait()
        case "error":
            return httpx2.Response(500, json={"error": {"message": "It was told to fail."}})
        case "rate_limit":
            headers = {"retry-after": "7"}
            return httpx2.Response(
                429, headers=headers, json={"error": {"message": "It was told to refuse."}}
            )
    return None


def cut_short(text: str, finish_reason: str, trouble: Trouble) -> tuple[str, str]:
    """The half of an answer that comes before it is cut off, and why it is."""
    if trouble not in _HALF:
        return text, finish_reason
    half = text[: len(text) // 2].rsplit(None, 1)[0]
    return half, finish_reason if trouble == "broken" else trouble
