"""JSON as the service takes and gives it: compact, in UTF-8, without NaN and Infinity."""

import json
import math
import re
from typing import Any

from local.cosmos.errors import bad_request

_PERHAPS_TOO_LARGE = re.compile(r"\d[eE]|\d{309}")  # numbers are doubles, which end at 1.8e308

as_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""The compact text of a value; raises ValueError for NaN and infinities."""


def parse_json(body: bytes | str) -> Any:
    """The JSON of a request's body; raises 400."""
    try:
        text = body if isinstance(body, str) else body.decode()
        if _PERHAPS_TOO_LARGE.search(text):
            json.loads(text, parse_float=_check_double, parse_int=_check_double)
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise bad_request("The request's body is not JSON.") from error


def _check_double(number: str) -> None:
    if math.isinf(float(number)):
        raise ValueError(f"{number} is beyond the numbers of JSON as the service takes it.")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")
