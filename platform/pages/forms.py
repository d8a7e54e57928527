"""Forms, read as strictly as JSON: no unknown field, no file, and none repeated that isn't a list."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import StringConstraints, ValidationError
from starlette.datastructures import UploadFile

from foundation.errors import Problem
from foundation.http import InvalidFields
from foundation.types import Input

MAX_FIELDS = 50
_MOST_SENT = 300
_FORM = "application/x-www-form-urlencoded"
_FORM_WITH_FILE = "multipart/form-data"
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


def signed(value: object) -> object:
    """Plain digits as a number, with a minus before them if it is below zero.

    Raises:
        ValueError: they are something else.
    """
    if isinstance(value, str) and value.startswith("-"):
        below = whole(value.removeprefix("-"))
        return -below if isinstance(below, int) else below
    return whole(value)


def blank(value: object) -> object:
    """What is left empty in a form, or holds nothing but space, is nothing."""
    return None if isinstance(value, str) and not value.strip() else value


def unixed(value: object) -> object:
    """Lines as they were written: browsers end them with CR LF. Nothing but space is nothing."""
    return (value.replace("\r\n", "\n").strip() or None) if isinstance(value, str) else value


def ticked(value: object) -> object:
    """Whether a box is ticked."""
    return value == "on" if isinstance(value, str) else value


def split_lines(value: object) -> object:
    """What a form has one a line."""
    return [line.strip() for line in value.splitlines() if line.strip()] if isinstance(value, str) else value


def split_words(value: object) -> object:
    """What a form has one a word: between space, commas or both."""
    return re.split(r"[\s,]+", value.strip(" ,\r\n\t")) if isinstance(value, str) and value.strip(" ,\r\n\t") else []


FormKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$")]
"""The key of a form that was shown: with it a second press does nothing more."""


class Button(Input):
    """A press, and nothing else."""


class UnsupportedForm(Problem):
    """A form is sent as application/x-www-form-urlencoded, and as multipart/form-data where a file is in it."""

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
    if _media_type(request) not in {_FORM, ""}:
        raise UnsupportedForm
    async with request.form(max_files=0, max_fields=most) as data:
        given = data.multi_items()
    listed = {name: [value for field, value in given if field == name] for name in lists}
    values = {name: value for name, value in given if not isinstance(value, UploadFile) and name not in listed}
    if len(values) + sum(map(len, listed.values())) != len(given):
        raise InvalidFields(errors=[{"param": "form", "message": "a field is repeated"}])
    return {**values, **listed}


async def read_with_file(request: Request, form: type[FormT], file: str, *, most: int = MAX_FIELDS) -> FormT:
    """A form with a file among its fields, as browsers send it; the field `file` gets its bytes.

    Raises:
        UnsupportedForm: it is no multipart form.
        InvalidFields: there is not one file of that name, or a field is unknown, repeated, missing or wrong.
    """
    if _media_type(request) != _FORM_WITH_FILE:
        raise UnsupportedForm
    values: dict[str, Any] = {}
    async with request.form(max_files=1, max_fields=most) as data:
        for name, value in data.multi_items():
            if name in values or isinstance(value, UploadFile) != (name == file):
                raise InvalidFields(errors=[{"param": name, "message": "is no field of this form, or is repeated"}])
            values[name] = await value.read() if isinstance(value, UploadFile) else value
    return validated(form, values)


async def read_with_files(
    request: Request, form: type[FormT], files: str, *, most_files: int, lists: Collection[str] = ()
) -> FormT:
    """A form with any number of files under one name, whose field gets a list of their bytes; a field of `lists` may
    come any number of times. A file field that nothing was chosen for has no file.

    Raises:
        UnsupportedForm: it is no multipart form.
        InvalidFields: there are too many files, or one under another name, or a field is unknown, repeated, missing or
            wrong.
    """
    if _media_type(request) != _FORM_WITH_FILE:
        raise UnsupportedForm
    values: dict[str, Any] = {files: [], **{name: [] for name in lists}}
    async with request.form(max_files=most_files + 1, max_fields=MAX_FIELDS + most_files) as data:
        for name, value in data.multi_items():
            if isinstance(value, UploadFile) != (name == files) or (name in values and name not in {files, *lists}):
                raise InvalidFields(errors=[{"param": name, "message": "is no field of this form, or is repeated"}])
            if not isinstance(value, UploadFile):
                values[name] = [*values[name], value] if name in lists else value
            elif value.filename or value.size:
                values[files].append(await value.read())
    if len(values[files]) > most_files:
        raise InvalidFields(errors=[{"param": files, "message": f"has more than {most_files} files"}])
    return validated(form, values)


@asynccontextmanager
async def with_file(
    request: Request, form: type[FormT], file: str, *, most: int = MAX_FIELDS
) -> AsyncIterator[tuple[FormT, UploadFile]]:
    """A form, and the file among its fields, which is read in pieces while it is open.

    Raises:
        UnsupportedForm: it is no multipart form.
        InvalidFields: there is not one file of that name, or a field is unknown, repeated, missing or wrong.
    """
    if _media_type(request) != _FORM_WITH_FILE:
        raise UnsupportedForm
    async with request.form(max_files=1, max_fields=most) as data:
        values = data.multi_items()
        sent_file = data.get(file)
        fields = {name: value for name, value in values if name != file}
        if not isinstance(sent_file, UploadFile) or len(fields) + 1 != len(values):
            raise InvalidFields(errors=[{"param": file, "message": "is missing, or a field is repeated"}])
        yield validated(form, fields), sent_file


async def sent(request: Request) -> list[tuple[str, str]]:
    """A form's fields as they came, without its file: to be shown again where they are refused."""
    async with request.form(max_files=1, max_fields=_MOST_SENT) as data:
        return [(name, value) for name, value in data.multi_items() if isinstance(value, str)]


def validated(form: type[FormT], values: dict[str, Any]) -> FormT:
    """The form that fields make.

    Raises:
        InvalidFields: a field is unknown, missing or wrong.
    """
    try:
        return form.model_validate(values)
    except ValidationError as fault:
        raise InvalidFields(errors=[_fault(error["loc"], error["msg"]) for error in fault.errors()]) from fault


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _fault(location: tuple[int | str, ...], message: str) -> dict[str, str]:
    return {"param": ".".join(str(part) for part in location), "message": message}
