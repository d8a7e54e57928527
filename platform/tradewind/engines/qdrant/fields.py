"""Reading plain values out of decoded JSON: each function gives the value or refuses with the field's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tradewind.engines.qdrant.errors import Invalid, Malformed, WrongInput

Json = dict[str, Any]

_MAX_U32 = 2**32 - 1
_MAX_U64 = 2**64 - 1
_MAX_F32 = 3.4028234663852886e38


def an_object(value: Any, where: str) -> Json:
    """Give a JSON object."""
    if not isinstance(value, dict):
        raise Malformed(where, "an object")
    return value


def a_list(value: Any, where: str) -> list[Any]:
    """Give a JSON array."""
    if not isinstance(value, list):
        raise Malformed(where, "a list")
    return value


def one_or_many(value: Any) -> list[Any]:
    """Give a list where the API takes one thing or a list of them; nothing is an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def a_string(value: Any, where: str) -> str:
    """Give a string."""
    if not isinstance(value, str):
        raise Malformed(where, "a string")
    return value


def strings(value: Any, where: str) -> list[str]:
    """Give a list of strings."""
    return [a_string(each, where) for each in a_list(value, where)]


def an_integer(value: Any, where: str, *, least: int = 0, most: int = _MAX_U64) -> int:
    """Give an integer within its limits; a boolean isn't one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(where, "an integer")
    if value < least:
        raise Invalid(where, f"value {value} invalid, must be {least} or larger")
    if value > most:
        raise Invalid(where, f"value {value} invalid, must be {most} or smaller")
    return value


def a_number(value: Any, where: str) -> float:
    """Give a number; a boolean isn't one."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Malformed(where, "a number")
    return float(value)


def a_flag(value: Any, where: str) -> bool:
    """Give a boolean."""
    if not isinstance(value, bool):
        raise Malformed(where, "a boolean")
    return value


def choice(value: Any, where: str, choices: Sequence[str]) -> str:
    """Give a string that is one of the choices."""
    if value not in choices:
        raise Malformed(where, "one of " + ", ".join(choices))
    return str(value)


def maybe_integer(body: Json, name: str, *, least: int = 0, most: int = _MAX_U64) -> int | None:
    """Give an optional integer field."""
    value = body.get(name)
    return None if value is None else an_integer(value, name, least=least, most=most)


def maybe_number(body: Json, name: str) -> float | None:
    """Give an optional number field."""
    value = body.get(name)
    return None if value is None else a_number(value, name)


def maybe_flag(body: Json, name: str) -> bool | None:
    """Give an optional boolean field."""
    value = body.get(name)
    return None if value is None else a_flag(value, name)


def maybe_string(body: Json, name: str) -> str | None:
    """Give an optional string field."""
    value = body.get(name)
    return None if value is None else a_string(value, name)


def a_point_id(value: Any, where: str = "id") -> int | UUID:
    """Give a point's id: an unsigned 64-bit integer or a UUID."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_U64:
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise Malformed(where, "an unsigned integer or a UUID")


def point_ids(value: Any, where: str = "points") -> list[int | UUID]:
    """Give a list of points' ids."""
    return [a_point_id(each, where) for each in a_list(value, where)]


def floats(value: Any, where: str) -> list[float]:
    """Give a vector's numbers. Each must fit a 32-bit float, or scores would turn into infinities."""
    numbers = a_list(value, where)
    if not numbers:
        raise Invalid(where, "a vector must not be empty")
    if not {int, float}.issuperset(map(type, numbers)):
        raise Malformed(where, "a list of numbers")
    if max(numbers) > _MAX_F32 or min(numbers) < -_MAX_F32:
        raise WrongInput(f"{where}: a number is out of the range of a 32-bit float")
    return numbers


def sparse(value: Json, where: str) -> tuple[list[int], list[float]]:
    """Give a sparse vector's indices, ascending, and values. The engine panics on what is refused here."""
    indices = [an_integer(index, f"{where}.indices", most=_MAX_U32) for index in a_list(value.get("indices"), where)]
    numbers = a_list(value.get("values"), where)
    if len(indices) != len(numbers):
        raise Invalid(where, "indices and values must have the same length")
    if len(set(indices)) != len(indices):
        raise Invalid(where, "indices must be unique")
    if not indices:
        return [], []
    ordered = sorted(zip(indices, floats(numbers, where), strict=True))
    return [index for index, _ in ordered], [number for _, number in ordered]
