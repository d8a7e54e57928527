"""Errors a caller can act on: problem details (RFC 9457) with a stable code.

An error is a small class with its fields. Its code and status are class variables, its title is the first line of its
docstring, its fields travel as extension members; the reference page of all codes is generated from the classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar, dataclass_transform


@dataclass_transform(kw_only_default=True)
class Problem(Exception):
    """The request can't be answered as asked."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "request.invalid"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(kw_only=True, eq=False)(cls)

    @classmethod
    def title(cls) -> str:
        """The first sentence of the class's documentation: the same for every occurrence."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")

    def detail(self) -> str:
        """What went wrong this time."""
        return self.title() + "."

    def members(self) -> dict[str, Any]:
        """The extension members of the problem document."""
        if type(self) is Problem:
            return {}
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    def __str__(self) -> str:
        return self.detail()


class BadRequest(Problem):
    """The request is malformed."""


class Unauthenticated(Problem):
    """The request needs a session."""

    status = 401
    code = "identity.unauthenticated"


class Forbidden(Problem):
    """The caller may not do this."""

    status = 403
    code = "request.forbidden"


class NotFound(Problem):
    """There is no such thing here."""

    status = 404
    code = "request.not_found"


class Conflict(Problem):
    """The request does not fit the present state."""

    status = 409
    code = "request.conflict"


class Unprocessable(Problem):
    """The request is well formed and can't be carried out."""

    status = 422
    code = "request.unprocessable"


class Unavailable(Problem):
    """A part the request needs is not there right now."""

    status = 503
    code = "service.unavailable"


class TooMany(Problem):
    """That was too often; wait a while."""

    status = 429
    code = "request.too_many"

    retry_after: int
    """Seconds, also in the `Retry-After` header."""


def all_problems(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Every error class that is loaded, parents before children."""
    yield root
    for child in root.__subclasses__():
        yield from all_problems(child)
