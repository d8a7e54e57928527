"""What the pages about addresses, messages and wishlists send."""

from __future__ import annotations

from typing import Literal

from commerce.delivery.schemas import AddressIn
from commerce.profile.schemas import KeptAddressIn
from foundation.errors import Unprocessable
from foundation.types import Id, Input, Text
from storefront.forms import AddressFields, LocalPath, OptionalId, Whole


class AddressMissing(Unprocessable):
    """The form has no address in it."""

    code = "storefront.address_missing"


class AddressForm(AddressFields):
    """An address to keep, and whether it is offered first."""

    default_shipping: Literal["on"] | None = None
    default_billing: Literal["on"] | None = None

    def kept(self) -> KeptAddressIn:
        """What is to be kept.

        Raises:
            AddressMissing, InvalidFields: there is no address in it, or a part of one.
        """
        address: AddressIn | None = self.address()
        if address is None:
            raise AddressMissing
        return KeptAddressIn(
            address=address,
            default_shipping=self.default_shipping is not None,
            default_billing=self.default_billing is not None,
        )


class NameForm(Input):
    """What a list is called."""

    name: Text


class WishForm(Input):
    """Something to put on a list, as the form that would put it into the cart has it."""

    variant_id: Id
    quantity: Whole = 1
    decision_id: OptionalId = None
    next: LocalPath = "/wishlists"


class MoveForm(Input):
    """The list that something goes on to."""

    to: Id
