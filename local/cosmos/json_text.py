"""JSON as the service takes and gives it: compact, in UTF-8, without NaN and Infinity."""

import json
import math
from typing import Any

from local.cosmos.errors import bad_request

as_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""The compact text of a value; raises ValueError for NaN and infinities."""


def parse_json(body: bytes | str) -> Any:
    """The JSON of a request's body; raises 400."""
    try:
        return json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise bad_request("The request's body is not JSON.") from error


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is beyond what a double holds.")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")
