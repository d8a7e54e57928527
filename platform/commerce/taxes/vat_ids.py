"""VAT numbers of businesses in the EU: their form is checked here, that they are in force by a register such as VIES.

A register is asked outside any transaction and within a deadline. One that does not answer leaves the number
unverified, and its holder is taxed like everybody else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import httpx
import orjson
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from commerce.taxes.places import EU
from foundation.errors import Unprocessable

DEADLINE_SECONDS = 4.0
_PREFIXES = (EU - {"GR"}) | {"EL", "XI"}
"""How numbers begin: Greece's with EL, Northern Ireland's with XI."""


class MalformedVatId(Unprocessable):
    """This is not a VAT number of a member state of the EU."""

    code = "taxes.malformed_vat_id"


class RegisterUnavailable(Exception):
    """The register gave no answer that can be relied on."""


Status = Literal["valid", "invalid", "unverified"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a register says of a number, and its receipt for having been asked."""

    valid: bool
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class VatId:
    """A business's VAT number, and whether it was found to be in force."""

    number: str
    status: Status
    checked_at: datetime
    reference: str | None = None

    @property
    def country(self) -> str:
        """The ISO code of the state that gave it; `XI` for Northern Ireland."""
        return self.number[:2].replace("EL", "GR")

    def json(self) -> str:
        """As `vat_id_of` reads it."""
        return orjson.dumps(self).decode()


def vat_id_of(document: str | None) -> VatId | None:
    """A number that was kept as JSON."""
    if document is None:
        return None
    kept = orjson.loads(document)
    return VatId(**kept | {"checked_at": datetime.fromisoformat(kept["checked_at"])})


class Register(Protocol):
    """Somebody who knows which VAT numbers are in force."""

    async def look_up(self, number: str) -> Verdict:
        """What is known of a number.

        Raises:
            RegisterUnavailable: no answer.
        """


class NoRegister:
    """No register is configured: nothing can be verified."""

    async def look_up(self, number: str) -> Verdict:
        """Always no answer."""
        raise RegisterUnavailable(number)


class Vies:
    """The European Commission's register, over its REST interface."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url = client, url.rstrip("/")

    async def look_up(self, number: str) -> Verdict:
        """What VIES says of a number."""
        asked = {"countryCode": number[:2], "vatNumber": number[2:]}
        try:
            answer = await self._client.post(f"{self._url}/check-vat-number", json=asked)
            told = answer.raise_for_status().json()
            valid = told["valid"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as fault:
            raise RegisterUnavailable(number) from fault
        # A member state that is away is told by a fault in a 200.
        if not isinstance(valid, bool) or told.get("userError") not in {None, "VALID", "INVALID"}:
            raise RegisterUnavailable(number)
        return Verdict(valid, told.get("requestIdentifier") or None)


def well_formed(number: str) -> str:
    """The number in its compact form.

    Raises:
        MalformedVatId: no member state gives such numbers.
    """
    plain = number.strip().upper()
    if plain.startswith("GR"):
        plain = "EL" + plain[2:]
    if plain[:2] not in _PREFIXES:
        raise MalformedVatId
    try:
        return vat.validate(plain)
    except ValidationError as fault:
        raise MalformedVatId from fault


async def verified(register: Register, number: str, *, at: datetime, deadline: float = DEADLINE_SECONDS) -> VatId:
    """A well-formed number with what the register says of it; unverified when it says nothing in time."""
    try:
        async with asyncio.timeout(deadline):
            verdict = await register.look_up(number)
    except (RegisterUnavailable, TimeoutError):
        return VatId(number, "unverified", at)
    return VatId(number, "valid" if verdict.valid else "invalid", at, verdict.reference)
