"""Functions that tell the type of a value, and the number of a document."""

from base64 import b64decode
from binascii import Error

from local.cosmos.query.functions.integers import is_int64
from local.cosmos.query.functions.signature import Function, is_number
from local.cosmos.values import UNDEFINED, Json


def _is_primitive(value: Json) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _document_id(document: Json) -> Json:
    """The number that the resource id ends with."""
    rid = document.get("_rid") if isinstance(document, dict) else None
    try:
        return int.from_bytes(b64decode(rid, b"+-")[8:], "big") if isinstance(rid, str) else UNDEFINED
    except Error:
        return UNDEFINED


TYPES: dict[str, Function] = {
    "DOCUMENTID": Function(_document_id, 1, 1),
    "IS_ARRAY": Function(lambda value: isinstance(value, list), 1, 1),
    "IS_BOOL": Function(lambda value: isinstance(value, bool), 1, 1),
    "IS_DEFINED": Function(lambda value: value is not UNDEFINED, 1, 1),
    "IS_FINITE_NUMBER": Function(is_number, 1, 1),
    "IS_INTEGER": Function(is_int64, 1, 1),
    "IS_NULL": Function(lambda value: value is None, 1, 1),
    "IS_NUMBER": Function(is_number, 1, 1),
    "IS_OBJECT": Function(lambda value: isinstance(value, dict), 1, 1),
    "IS_PRIMITIVE": Function(_is_primitive, 1, 1),
    "IS_STRING": Function(lambda value: isinstance(value, str), 1, 1),
}
