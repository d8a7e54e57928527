"""What a request can be refused for, with the status and the wording a Qdrant server uses."""

from __future__ import annotations

from typing import ClassVar


class Refused(Exception):
    """A request that can't be answered. Its message goes to the client as `status.error`."""

    status: ClassVar[int] = 500


class Malformed(Refused):
    """The body isn't what the route reads: not JSON, a field missing or of another type. 400."""

    status = 400

    def __init__(self, where: str, expected: str) -> None:
        super().__init__(f"Format error in JSON body: {where}: expected {expected}")


class WrongInput(Refused):
    """The request reads well and can't be carried out: another vector size, an unknown vector name. 400."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(f"Wrong input: {message}")


class Invalid(Refused):
    """A value is outside its limits. 422."""

    status = 422

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"Validation error in JSON body: [{where}: {problem}]")


class NotFound(Refused):
    """The collection, alias or point isn't there. 404."""

    status = 404

    def __init__(self, message: str) -> None:
        super().__init__(f"Not found: {message}")


class AlreadyExists(Refused):
    """The name is taken. 409."""

    status = 409

    def __init__(self, message: str) -> None:
        super().__init__(f"Wrong input: {message}")


class TooLarge(Refused):
    """The body is over the limit. 413."""

    status = 413


class EngineFault(Refused):
    """The engine failed for a reason that isn't the request's. 500."""

    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(f"Service internal error: {message}")


def from_engine(error: Exception) -> Refused:
    """Give the refusal for an exception the engine raised.

    The engine raises plain `Exception`, `ValueError`, `TypeError` and `OverflowError`; only their wording tells a fault
    of the request from a fault of the engine.
    """
    message = str(error)
    if isinstance(error, Refused):
        return error
    if message.startswith("No point with id"):
        return NotFound(f"{message} found")
    if message.startswith("Service runtime error"):
        return EngineFault(message)
    return WrongInput(message)
