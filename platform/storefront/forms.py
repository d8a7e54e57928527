"""Forms, read as strictly as JSON: no unknown or repeated field, no file, no number but plain digits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Request
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from commerce.consent.schemas import TextVersion
from commerce.consent.wording import PURPOSES
from commerce.delivery.schemas import AddressIn, SlotChoice
from commerce.orders.claim_schemas import ClaimReason
from commerce.orders.line_schemas import MAX_LINES
from commerce.orders.return_schemas import ReturnReason
from commerce.promotions.schemas import CodeName
from foundation.events import Consent
from foundation.http import InvalidFields
from foundation.types import Email, Id, Input, Note, Slug, Text
from pages.forms import MAX_FIELDS, FormKey, blank, fields, read_with_file, signed, unixed, validated, whole

_LOCAL_PATH = re.compile(r"^/(?![/\\])[^\s\\\x00-\x1f\x7f]{0,2000}$")
_UNITS = "units-"


def _local(value: str) -> str:
    if not _LOCAL_PATH.match(value):
        raise ValueError("must be a page of this shop")
    return value


def _local_or_home(value: object) -> object:
    return value if isinstance(value, str) and _LOCAL_PATH.match(value) else "/"


def _slot(value: object) -> object:
    """A window as a form names it: its id, a slash, and the day."""
    if not isinstance(value, str):
        return value
    slot_id, _, day = value.partition("/")
    return {"slot_id": slot_id, "day": day} if value else None


Whole = Annotated[int, BeforeValidator(whole), Field(ge=1, le=9_999)]
OptionalText = Annotated[Text | None, BeforeValidator(blank)]
OptionalNote = Annotated[Note | None, BeforeValidator(unixed)]
OptionalId = Annotated[Id | None, BeforeValidator(blank)]
LocalPath = Annotated[str, AfterValidator(_local)]


class AddForm(Input):
    """So many of a variant into the cart, and the page to go back to."""

    variant_id: Id
    quantity: Whole = 1
    decision_id: OptionalId = None
    next: LocalPath = "/cart"


class QuantityForm(Input):
    """How many a line should hold."""

    quantity: Whole


class CodeForm(Input):
    """A discount code, as it was typed."""

    code: CodeName


class GiftForm(Input):
    """Wrapped or not, and the message to go with it."""

    wrap: Literal["yes"] | None = None
    message: OptionalNote = None


class NoteForm(Input):
    """A word to the shop; left empty, none."""

    note: OptionalNote = None


class AcceptForm(Input):
    """What changed, as it was shown."""

    version: Annotated[int, BeforeValidator(whole), Field(ge=1, le=2**31 - 1)]
    changes_seen: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]


class CheckoutForm(Input):
    """What the checkout page sends."""

    cart_id: Id
    idempotency_key: FormKey
    expected_total: Annotated[int, BeforeValidator(whole), Field(ge=0, le=10**15)]
    email: Annotated[Email | None, BeforeValidator(blank)] = None
    token: Text | None = None
    """How the rest is paid, as `paying.choices` has it; not needed where a gift card or store credit pays all."""
    gift_card: OptionalText = None
    store_credit: Literal["on"] | None = None
    expected_rest: Annotated[int, BeforeValidator(whole), Field(ge=0, le=10**15)] | None = None
    """What the shopper was shown that is left to be paid so."""
    accepted: Annotated[list[Id], Field(default_factory=list, max_length=10)]
    """The legal pages beside the button, by the versions that were shown."""
    apply: Literal["1"] | None = None
    """Only show what the gift card and store credit come to."""


class GiveUpForm(Input):
    """Pay for a cart otherwise."""

    cart_id: Id


class ChallengeForm(Input):
    """What the shopper answers their bank."""

    state: Text
    answer: Literal["approve", "fail"]


class AddressFields(Input):
    """An address as a form has it: what is left empty counts as absent."""

    name: OptionalText = None
    line1: OptionalText = None
    line2: OptionalText = None
    postal_code: OptionalText = None
    city: OptionalText = None
    region: OptionalText = None
    country: OptionalText = None
    phone: OptionalText = None

    def address(self) -> AddressIn | None:
        """The address, if any of it is given.

        Raises:
            InvalidFields: part of it is missing or wrong.
        """
        given = {name: getattr(self, name) for name in AddressFields.model_fields if getattr(self, name) is not None}
        if not given.keys() - {"country"}:
            return None
        for coded in given.keys() & {"region", "country"}:
            given[coded] = given[coded].upper()
        return validated(AddressIn, given)


class WhereForm(AddressFields):
    """Where somebody is who buys what is not sent."""

    vat_id: OptionalText = None
    keep: Literal["on"] | None = None
    """Keep the address for the next time."""


class DeliveryForm(WhereForm):
    """How, when and where to; what is collected needs no address."""

    code: Slug
    slot: Annotated[SlotChoice | None, BeforeValidator(_slot)] = None


class SplitForm(DeliveryForm):
    """How many of each line go to another address, and where that is."""

    units: dict[Id, Annotated[int, BeforeValidator(whole), Field(ge=0, le=9_999)]]


class CancelForm(Input):
    """Cancel an order; the key makes a second click do nothing."""

    idempotency_key: FormKey


class AddressForm(CancelForm):
    """Another address for an order that has not left, or for one of its consignments, and how it shall get there."""

    name: Text
    line1: Text
    line2: OptionalText = None
    postal_code: Text
    city: Text
    region: OptionalText = None
    country: Text
    phone: OptionalText = None
    delivery: Annotated[Slug | None, BeforeValidator(blank)] = None
    consignment_id: OptionalId = None

    def address(self) -> AddressIn:
        """The new address.

        Raises:
            InvalidFields: part of it is wrong.
        """
        given = self.model_dump(exclude={"idempotency_key", "delivery", "consignment_id"})
        for coded in ("region", "country"):
            given[coded] = given[coded].upper() if given[coded] else None
        return validated(AddressIn, given)


class UnitsForm(CancelForm):
    """How many of each line of an order are still wanted."""

    units: dict[Id, Annotated[int, BeforeValidator(whole), Field(ge=0, le=9_999)]]


class ConfirmForm(CancelForm):
    """Do what the preview says."""

    version: Annotated[int, BeforeValidator(whole), Field(ge=1, le=2**31 - 1)]


class PayForm(CancelForm):
    """Pay for an order again."""

    token: Text


class KeepForm(CancelForm):
    """Keep a card, by its token."""

    token: Text
    is_default: Literal["on"] | None = None


class ReturnForm(CancelForm):
    """Units of one line to send back, and why."""

    line_id: Id
    quantity: Whole
    reason: ReturnReason
    instead: OptionalId = None
    """The variant that is wanted for it; without one, its worth."""
    expected_difference: Annotated[int | None, BeforeValidator(signed)] = None
    """What the shopper was shown that the exchange costs more."""


class ClaimForm(CancelForm):
    """Units of one line with which something is wrong, and what."""

    line_id: Id
    quantity: Whole
    reason: ClaimReason
    note: OptionalNote = None


class PhotoForm(CancelForm):
    """A photo of what comes back, or came wrong."""

    photo: bytes


class SignInForm(Input):
    """The reference of the household to sign in as."""

    reference: Text
    next: LocalPath = "/"


class ComingFrom(Input):
    """The page to go on to afterwards; another site's is nowhere."""

    next: Annotated[LocalPath, BeforeValidator(_local_or_home)] = "/"


class ConsentForm(ComingFrom):
    """One answer for every purpose."""

    answer: Literal["accept", "refuse"]
    text_version: TextVersion


class ConsentChoiceForm(ComingFrom):
    """A mark for each purpose that is agreed to, or a button for all of them."""

    text_version: TextVersion
    every: Literal["accept", "refuse"] | None = None
    analytics: Literal["on"] | None = None
    personalisation: Literal["on"] | None = None
    marketing: Literal["on"] | None = None

    def said(self) -> Mapping[Consent, bool]:
        """The answer for each purpose."""
        if self.every is not None:
            return dict.fromkeys(PURPOSES, self.every == "accept")
        return {purpose: getattr(self, purpose) is not None for purpose in PURPOSES}


class FarewellForm(Input):
    """What somebody types who wants to be forgotten."""

    confirmation: OptionalText = None


async def read_units(request: Request) -> UnitsForm:
    """How many of each line are still wanted: a line's field is called `units-` and its id.

    Raises:
        UnsupportedForm, InvalidFields.
    """
    return validated(UnitsForm, _with_units(await fields(request, MAX_LINES + 1)))


async def read_split(request: Request) -> SplitForm:
    """How many of each line go to another address: a line's field is called `units-` and its id.

    Raises:
        UnsupportedForm, InvalidFields.
    """
    return validated(SplitForm, _with_units(await fields(request, MAX_LINES + MAX_FIELDS)))


def _with_units(fields: dict[str, Any]) -> dict[str, Any]:
    lines = {name: value for name, value in fields.items() if name.startswith(_UNITS)}
    rest = {name: value for name, value in fields.items() if name not in lines}
    return {**rest, "units": {name.removeprefix(_UNITS): value for name, value in lines.items()}}


async def read_marks(request: Request, known: set[str]) -> set[str]:
    """Which of a form's check boxes are marked.

    Raises:
        UnsupportedForm, InvalidFields: another field than those that are known, or another value than `on`.
    """
    given = await fields(request, MAX_FIELDS)
    for name, value in given.items():
        if name not in known or value != "on":
            raise InvalidFields(errors=[{"param": name, "message": "is no mark of this form"}])
    return set(given)


async def read_photo(request: Request) -> PhotoForm:
    """A form with a file, as browsers send it.

    What it asks, for which its key stands, is the file: a browser puts another boundary around it each time.

    Raises:
        UnsupportedForm, InvalidFields.
    """
    form = await read_with_file(request, PhotoForm, "photo", most=1)
    request.scope["state"]["body"] = form.photo
    return form


def id_or_none(value: str | None) -> UUID | None:
    """An id from an address; what isn't one counts as absent, since links get mangled."""
    try:
        return UUID(value) if value else None
    except ValueError:
        return None
