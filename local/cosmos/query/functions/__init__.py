"""The built-in functions, by their names in upper case.

Each gives undefined for arguments of a wrong type, as the service does. Where the service's answer isn't
known (infinities, digits of very large numbers), QueryError says so.
"""

from local.cosmos.query.functions.arrays import ARRAYS
from local.cosmos.query.functions.conversions import CONVERSIONS
from local.cosmos.query.functions.dates import DATES
from local.cosmos.query.functions.integers import INTEGERS
from local.cosmos.query.functions.numbers import NUMBERS
from local.cosmos.query.functions.signature import Function
from local.cosmos.query.functions.strings import STRINGS
from local.cosmos.query.functions.types import TYPES

__all__ = ["FUNCTIONS"]

FUNCTIONS: dict[str, Function] = {
    **ARRAYS,
    **CONVERSIONS,
    **DATES,
    **INTEGERS,
    **NUMBERS,
    **STRINGS,
    **TYPES,
}
