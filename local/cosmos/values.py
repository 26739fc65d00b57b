"""JSON values as the query language sees them: undefined, the order of types, and bytes that sort alike."""

import struct
from enum import Enum
from typing import Any, Final, Literal

Json = Any  # what json.loads gives; Any because a recursive alias helps no reader


class _Undefined(Enum):
    UNDEFINED = "undefined"

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> Literal[False]:
        return False


# What a path that isn't there gives: another thing than null.
UNDEFINED: Final = _Undefined.UNDEFINED

_UNDEFINED, _NULL, _FALSE, _TRUE, _NUMBER, _STRING, _ARRAY, _OBJECT = 1, 16, 32, 33, 48, 64, 80, 96
_RANKS = {
    _Undefined: _UNDEFINED,
    type(None): _NULL,
    bool: _FALSE,
    int: _NUMBER,
    float: _NUMBER,
    str: _STRING,
    list: _ARRAY,
}
_END = b"\x02"  # below every type
_EXACT = 2**53  # doubles are exact integers up to here
# Behind every continuation of a key.
AFTER = b"\xff"


def type_rank(value: Json) -> int:
    """The place of a value's type: undefined, null, booleans, numbers, strings, arrays, objects."""
    return _RANKS.get(type(value), _OBJECT)


def equal(left: Json, right: Json) -> Json:
    """`=`: undefined with an undefined operand; values of different types are not equal."""
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return same(left, right)


def same(left: Json, right: Json) -> bool:
    """Whether two values are the same, deeply; true is not 1."""
    rank = type_rank(left)
    if rank != type_rank(right):
        return False
    if rank == _STRING:
        return bool(left == right)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if rank == _NUMBER:
        return double(left) == double(right)
    return bool(left == right)


def less(left: Json, right: Json) -> Json:
    """`<`: undefined between different types, and between arrays or objects."""
    if type_rank(left) != type_rank(right) or type_rank(left) in (_UNDEFINED, _ARRAY, _OBJECT):
        return UNDEFINED
    if type_rank(left) == _NUMBER:
        return double(left) < double(right)
    return False if left is None else bool(left < right)


def at_most(left: Json, right: Json) -> Json:
    """`<=`: undefined where `<` is."""
    strictly = less(left, right)
    return UNDEFINED if strictly is UNDEFINED else bool(strictly or same(left, right))


def plain(number: float) -> int | float:
    """A number as JSON has it from the service: 2, not 2.0."""
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def encode(value: Json, *, descending: bool = False) -> bytes:
    """Bytes that sort as the values do; no encoding is the beginning of another, so they can be joined.

    descending: bytes that sort the other way. Numbers are IEEE doubles, as in the service.
    """
    encoded = _encode(value)
    return bytes(255 - byte for byte in encoded) if descending else encoded


def encode_prefix(text: str) -> bytes:
    """What the encodings of all strings beginning with `text` begin with."""
    return bytes([_STRING]) + _escaped(text)


def type_range(value: Json) -> tuple[bytes, bytes]:
    """The encodings of the values that `<` compares with `value` lie between these."""
    rank = _TRUE if value is True else type_rank(value)
    low = _FALSE if rank == _TRUE else rank
    return bytes([low]), bytes([(_TRUE if low == _FALSE else low) + 1])


def _encode(value: Json) -> bytes:
    rank = type_rank(value)
    if rank == _FALSE:
        return bytes([_TRUE if value else _FALSE])
    tag = bytes([rank])
    if rank == _NUMBER:
        return tag + _number(value)
    if rank == _STRING:
        return tag + _escaped(value) + b"\x00\x00"
    if rank == _ARRAY:
        return tag + b"".join(map(_encode, value)) + _END
    if rank == _OBJECT:
        return tag + b"".join(_encode(name) + _encode(value[name]) for name in sorted(value)) + _END
    return tag


def _number(value: float) -> bytes:
    bits = int.from_bytes(struct.pack(">d", double(value) + 0.0), "big")  # + 0.0 makes -0.0 to 0.0
    bits ^= 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 1 << 63
    return bits.to_bytes(8, "big")


def double(value: float) -> float:
    """Integers of any size as the service keeps numbers."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _escaped(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass").replace(b"\x00", b"\x00\xff")
