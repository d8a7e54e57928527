"""A batch of events, read and held to its contracts.

The contracts' models cost three times as much as the same fields in dictionaries, and nobody here needs the models. So
a whole batch is read by one validator that is derived from them; only one that has a fault in it is gone through event
by event, to say which and why. A test holds the two to each other.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NotRequired, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from commerce.behaviour.schemas import Batch, BehaviourIn
from foundation.events import CONTRACTS, Behaviour, behaviour_contracts

Sent = Mapping[str, Any]
"""An event as `BehaviourIn` has it, with a payload that keeps its contract."""

LATEST = timedelta(days=30)
EARLIEST = timedelta(minutes=5)
TOO_LATE = "occurred_at is more than 30 days ago or in the future"


class BrokenContract(ValueError):
    """The event is not what its contract says; the message says why."""


def read(body: bytes, now: datetime) -> Iterator[Sent | tuple[dict[str, Any], str]]:
    """The events of a batch in their order: each as it was sent, or beside the reason why it is not taken.

    Raises:
        pydantic.ValidationError: it is no batch at all.
    """
    try:
        whole: Sequence[Sent] | None = _BATCH.validate_json(body)["events"]
    except ValidationError:
        whole = None
    if whole is not None and all(_is_timely(event["occurred_at"], now) for event in whole):
        yield from whole
        return
    for raw in Batch.model_validate_json(body).events:
        try:
            yield one(raw, now)
        except BrokenContract as fault:
            yield raw, str(fault)


def one(raw: dict[str, Any], now: datetime) -> Sent:
    """One event.

    Raises:
        BrokenContract.
    """
    try:
        given = BehaviourIn.model_validate(raw)
    except ValidationError as fault:
        raise BrokenContract(_reasons(fault)) from fault
    contract = CONTRACTS.get((given.name, given.version))
    if contract is None or not issubclass(contract, Behaviour):
        raise BrokenContract(f"{given.name} version {given.version} is not an event a shop may send")
    if not _is_timely(given.occurred_at, now):
        raise BrokenContract(TOO_LATE)
    try:
        payload = contract.model_validate(given.payload)
    except ValidationError as fault:
        raise BrokenContract(_reasons(fault)) from fault
    return {**given.model_dump(), "payload": payload.model_dump(exclude_none=True, exclude_unset=True)}


def _is_timely(at: datetime, now: datetime) -> bool:
    return now - LATEST <= at <= now + EARLIEST


def _reasons(fault: ValidationError) -> str:
    reasons = (f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in fault.errors()[:5])
    return "; ".join(reasons)[:1000]


_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""As `foundation.types.Input` has it."""


def _as_dictionary(model: type[BaseModel], **instead: object) -> Any:
    """A dictionary's type with the fields of a model, and `instead` in the place of some."""
    its = model.__pydantic_decorators__
    if its.validators or its.field_validators or its.root_validators or its.model_validators:
        raise TypeError(f"{model.__name__} has validators of its own, which a dictionary would not know")
    declared: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind = instead.get(name)
        if kind is None:
            kind = _ruled(_in_dictionaries(field.annotation), field.metadata)
        declared[name] = kind if field.is_required() else NotRequired[kind]
    made: Any = cast("Any", TypedDict)(model.__name__, declared)
    made.__pydantic_config__ = _STRICT
    return made


def _ruled(kind: Any, rules: Iterable[object]) -> Any:
    return functools.reduce(lambda ruled, rule: Annotated[ruled, rule], rules, kind)


def _in_dictionaries(kind: Any) -> Any:
    if isinstance(kind, type) and not get_args(kind) and issubclass(kind, BaseModel):
        return _as_dictionary(kind)
    origin: Any = get_origin(kind)
    arguments = get_args(kind)
    if not arguments or origin is Literal:
        return kind
    if origin is Annotated:
        return Annotated[(_in_dictionaries(arguments[0]), *arguments[1:])]
    parts = tuple(_in_dictionaries(part) for part in arguments)
    return _any_of(parts) if origin in {Union, types.UnionType} else origin[parts]


def _any_of(kinds: Iterable[Any]) -> Any:
    return functools.reduce(operator.or_, kinds)


def _event_of(contract: type[Behaviour]) -> Any:
    name: Any = cast("Any", Literal)[contract.name]
    # A Literal would take true for 1.
    version = Annotated[int, Field(ge=contract.version, le=contract.version)]
    return _as_dictionary(BehaviourIn, name=name, version=version, payload=_as_dictionary(contract))


def _any_event() -> Any:
    """One of the events that a shop may send: found by its name, and then by its version."""
    by_name: dict[str, list[Any]] = {}
    for contract in behaviour_contracts():
        by_name.setdefault(contract.name, []).append(_event_of(contract))
    events = _any_of(_any_of(versions) for versions in by_name.values())
    several = any(len(versions) > 1 for versions in by_name.values())
    return events if several else Annotated[events, Field(discriminator="name")]


_BATCH: TypeAdapter[Any] = TypeAdapter(
    _as_dictionary(Batch, events=_ruled(list[_any_event()], Batch.model_fields["events"].metadata))  # type: ignore[misc]
)
