"""Throughput: what is asked for in headers or an offer. It is checked, kept and told, and limits nothing."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from local.cosmos.containers import Database, Resource
from local.cosmos.errors import bad_request

Throughput = dict[str, Any]
"""The content of an offer: `offerThroughput`, or `offerAutopilotSettings` with its `maxThroughput`."""

DEFAULT: Throughput = {"offerThroughput": 400}
_MANUAL, _AUTOSCALE = "x-ms-offer-throughput", "x-ms-cosmos-offer-autopilot-settings"
_MANUAL_STEP, _LEAST_MANUAL, _AUTOSCALE_STEP = 100, 400, 1000


class Offers:
    """What databases and containers have."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def of(self, owner: Resource) -> Throughput | None:
        """The content of its offer; None where it has none of its own."""
        query = f"SELECT throughput FROM {_table(owner)} WHERE number = ?"  # noqa: S608  # one of two constants
        (text,) = self._connection.execute(query, (owner.number,)).fetchone()
        content: Throughput | None = json.loads(text or "null")
        return content

    def replace(self, owner: Resource, content: Throughput) -> None:
        """Give it another."""
        statement = f"UPDATE {_table(owner)} SET throughput = ? WHERE number = ?"  # noqa: S608  # one of two constants
        self._connection.execute(statement, (json.dumps(content), owner.number))


def asked_throughput(headers: Mapping[str, str]) -> Throughput | None:
    """What the headers of a create ask for, if they do; raises 400."""
    try:
        if (settings := headers.get(_AUTOSCALE)) is not None:
            return check_throughput({"offerAutopilotSettings": json.loads(settings)})
        if (number := headers.get(_MANUAL)) is not None:
            return check_throughput({"offerThroughput": int(number)})
    except ValueError as error:
        raise bad_request(
            "The throughput in the headers is not a number, or not settings in JSON."
        ) from error
    return None


def check_throughput(content: object) -> Throughput:
    """The content of an offer, as the service takes it; raises 400."""
    if not isinstance(content, dict):
        raise bad_request("An offer needs a content.")
    if (settings := content.get("offerAutopilotSettings")) is not None:
        most = settings.get("maxThroughput") if isinstance(settings, dict) else None
        least = _checked(most, _AUTOSCALE_STEP, _AUTOSCALE_STEP) // 10  # autoscale begins with a tenth
        return {**content, "offerThroughput": least}
    _checked(content.get("offerThroughput"), _LEAST_MANUAL, _MANUAL_STEP)
    return content


def _checked(number: object, least: int, step: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < least or number % step:
        raise bad_request(f"The throughput {number!r} is not {least} or more in steps of {step}.")
    return number


def _table(owner: Resource) -> str:
    return "databases" if isinstance(owner, Database) else "containers"
