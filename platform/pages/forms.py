"""Forms, read as strictly as JSON: no unknown field, no file, and none repeated that isn't a list."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, TypeVar

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from foundation.errors import Problem
from foundation.http import InvalidFields
from foundation.types import Input

MAX_FIELDS = 50
_FORM = "application/x-www-form-urlencoded"
FormT = TypeVar("FormT", bound=Input)


_DIGITS = re.compile(r"^[0-9]{1,16}$", re.ASCII)


def whole(value: object) -> object:
    """Plain digits as a number.

    Raises:
        ValueError: they are something else.
    """
    if isinstance(value, str):
        if not _DIGITS.match(value):
            raise ValueError("must be a whole number")
        return int(value)
    return value


class Button(Input):
    """A press, and nothing else."""


def blank(value: object) -> object:
    """What is left empty in a form, or holds nothing but space, is nothing."""
    return None if isinstance(value, str) and not value.strip() else value


def unixed(value: object) -> object:
    """Lines as they were written: browsers end them with CR LF. Nothing but space is nothing."""
    return (value.replace("\r\n", "\n").strip() or None) if isinstance(value, str) else value


def split_lines(value: object) -> object:
    """What a form has one a line."""
    return [line.strip() for line in value.splitlines() if line.strip()] if isinstance(value, str) else value


class UnsupportedForm(Problem):
    """A form is sent as application/x-www-form-urlencoded."""

    status = 415
    code = "storefront.unsupported_form"


async def read(request: Request, form: type[FormT], *, lists: Collection[str] = (), most: int = MAX_FIELDS) -> FormT:
    """The form sent with a request; a field of `lists` may come any number of times.

    Raises:
        UnsupportedForm: it is not urlencoded.
        InvalidFields: a field is unknown, repeated, missing or wrong.
    """
    return validated(form, await fields(request, most, lists=lists))


async def fields(request: Request, most: int, *, lists: Collection[str] = ()) -> dict[str, Any]:
    """A form's fields as they were sent.

    Raises:
        UnsupportedForm, InvalidFields.
    """
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in {_FORM, ""}:
        raise UnsupportedForm
    async with request.form(max_files=0, max_fields=most) as data:
        given = data.multi_items()
    listed = {name: [value for field, value in given if field == name] for name in lists}
    values = {name: value for name, value in given if not isinstance(value, UploadFile) and name not in listed}
    if len(values) + sum(map(len, listed.values())) != len(given):
        raise InvalidFields(errors=[{"param": "form", "message": "a field is repeated"}])
    return {**values, **listed}


async def read_file(request: Request, name: str) -> bytes:
    """The file that a form sends under a name, and nothing beside it.

    Raises:
        UnsupportedForm: it is no multipart form.
        InvalidFields: there is not one file of that name, or something else.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise UnsupportedForm
    async with request.form(max_files=1, max_fields=1) as data:
        given = data.multi_items()
        if len(given) != 1 or given[0][0] != name or not isinstance(given[0][1], UploadFile):
            raise InvalidFields(errors=[{"param": name, "message": "a file is missing"}])
        return await given[0][1].read()


def validated(form: type[FormT], values: dict[str, Any]) -> FormT:
    """The form that fields make.

    Raises:
        InvalidFields: a field is unknown, missing or wrong.
    """
    try:
        return form.model_validate(values)
    except ValidationError as fault:
        raise InvalidFields(errors=[_fault(error["loc"], error["msg"]) for error in fault.errors()]) from fault


def _fault(location: tuple[int | str, ...], message: str) -> dict[str, str]:
    return {"param": ".".join(str(part) for part in location), "message": message}
