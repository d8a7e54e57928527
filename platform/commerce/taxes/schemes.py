"""Under which scheme a supply is taxed, and why: a pure function of who sells, where it goes, who buys, and its value.

The seller's own rates and registrations are facts that its staff keep; what follows from them is the law's, and the
reason is kept with every amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from commerce.taxes.places import Place

Scheme = Literal[
    "domestic",
    "gst",
    "destination",
    "origin",
    "oss",
    "ioss",
    "intra_community",
    "reverse_charge",
    "outside_scope",
    "import",
    "export",
    "quoted",
]
Kind = Literal["goods", "service", "digital"]
Rates = Literal["there", "home", "none"]

_EXPORTS: Mapping[str, str] = {
    "GB": "Export, zero-rated: section 30 of the Value Added Tax Act 1994.",
    "IN": "Export, zero-rated: section 16 of the Integrated Goods and Services Tax Act, 2017.",
}
_EU_EXPORT = "Export, exempt from VAT: Article 146 of Directive 2006/112/EC."
_EXPORT = "Export: no tax is charged. Taxes and duties may be due where it arrives."
INTRA_COMMUNITY = (
    "Intra-Community supply, exempt from VAT: Article 138 of Directive 2006/112/EC. Reverse charge: the customer "
    "accounts for VAT on the acquisition."
)
_OSS = "Distance sale: VAT of the country of arrival, declared under the Union One-Stop Shop."
_IOSS = "Imported consignment of at most EUR 150: VAT is paid at checkout under the Import One-Stop Shop."
_IMPORT = "Imported consignment: VAT and duties are due where it arrives."
_ORIGIN = "Distance sale below the threshold: VAT of the country it is sold from, Article 59c of Directive 2006/112/EC."


_AT_HOME = "Service: taxed where the supplier is, Article 45 of Directive 2006/112/EC."
_TO_BUSINESS = (
    "Reverse charge: Articles 44 and 196 of Directive 2006/112/EC. The customer accounts for VAT where they are."
)
_OUTSIDE_SCOPE = "Supplied electronically to a customer outside the EU: Article 59 of Directive 2006/112/EC."
_REVERSED: Mapping[str, str] = {
    "GB": "Reverse charge: section 55A of the Value Added Tax Act 1994. The customer accounts for VAT.",
    "IN": "Reverse charge: section 9(3) of the Central Goods and Services Tax Act, 2017. The recipient pays the tax.",
}
_EU_REVERSED = "Reverse charge: Article 199 of Directive 2006/112/EC. The customer accounts for VAT."
_ANY_REVERSED = "Reverse charge: the customer accounts for the tax."


@dataclass(frozen=True, slots=True)
class TaxClass:
    """What is special about a class of goods: it may be none."""

    kind: Kind = "goods"
    """A service is taxed where who renders it is, or, what is supplied electronically, where who gets it is."""
    reverse_charge: bool = False
    """A business of the shop's own country accounts for the tax itself."""


GOODS = TaxClass()


@dataclass(frozen=True, slots=True)
class Seller:
    """Where a shop sells from, whether its prices include tax, and what it is registered for."""

    country: str
    region: str | None = None
    included: bool = False
    oss: bool = True
    """Distance sales within the EU are taxed where they arrive and declared at the One-Stop Shop."""
    ioss_limit: int | None = None
    """Registered at the Import One-Stop Shop: what EUR 150 are, in minor units of the shop's currency."""
    vat_id: str | None = None
    engine: str = "table"
    """Who says what the taxes are: its own table, or an engine outside."""
    engine_codes: Mapping[str, str] = field(default_factory=dict)
    """What that engine calls the shop's classes of goods."""

    lower_when_free: bool = True
    """Prices that include tax are lowered by it where none is charged."""

    @property
    def lowers(self) -> bool:
        """Whether a supply free of tax costs less. An engine outside says itself what an amount includes."""
        return self.included and self.lower_when_free and self.engine == "table"

    @property
    def place(self) -> Place:
        """Where it sells from."""
        return Place(self.country, self.region)


@dataclass(frozen=True, slots=True)
class Treatment:
    """The scheme, whose rates hold, and the reason in words that an invoice may carry."""

    scheme: Scheme = "domestic"
    rates: Rates = "there"
    note: str = ""


def treat(seller: Seller, to: Place, *, buyer: str | None, value: int, rated: bool, of: TaxClass = GOODS) -> Treatment:
    """How a consignment is taxed, or what of it is `of` a class.

    `buyer` is the country of a business's verified VAT number; `value` what the goods cost without the tax there, in
    minor units; `rated` whether the shop keeps rates for the place, and so is registered there.
    """
    at_home = to.country_of_tax == seller.place.country_of_tax
    if at_home and not to.is_outside:
        return _reversed(seller) if of.reverse_charge and buyer == seller.country else _at_home(seller, to)
    if of.kind != "goods" and seller.place.in_eu:
        return _service(seller, to, buyer, of.kind)
    if to.in_eu:
        return _within_eu(seller, buyer) if seller.place.in_eu else _into_eu(seller, buyer, value, rated=rated)
    if rated and not at_home:
        return Treatment("destination")
    return Treatment("export", "none", _EU_EXPORT if seller.place.in_eu else _EXPORTS.get(seller.country, _EXPORT))


def _reversed(seller: Seller) -> Treatment:
    note = _EU_REVERSED if seller.place.in_eu else _REVERSED.get(seller.country, _ANY_REVERSED)
    return Treatment("reverse_charge", "none", note)


def _service(seller: Seller, to: Place, buyer: str | None, kind: Kind) -> Treatment:
    """What an EU seller renders to somebody elsewhere."""
    if to.in_eu and seller.vat_id and buyer and buyer != seller.country:
        return Treatment("reverse_charge", "none", _TO_BUSINESS)
    if kind == "service":
        return Treatment("domestic", "home", _AT_HOME)
    return _within_eu(seller, None) if to.in_eu else Treatment("outside_scope", "none", _OUTSIDE_SCOPE)


def _at_home(seller: Seller, to: Place) -> Treatment:
    if seller.country != "IN":
        return Treatment()
    within = to.region == seller.region
    supply = "Supply within a state: CGST and SGST." if within else "Supply between states: IGST."
    return Treatment("gst", note=f"{supply} Place of supply: {to.region or to.country}.")


def _within_eu(seller: Seller, buyer: str | None) -> Treatment:
    if seller.vat_id and buyer and buyer != seller.country:
        return Treatment("intra_community", "none", INTRA_COMMUNITY)
    if seller.oss:
        return Treatment("oss", note=_OSS)
    return Treatment("origin", "home", _ORIGIN)


def _into_eu(seller: Seller, buyer: str | None, value: int, *, rated: bool) -> Treatment:
    if seller.ioss_limit is not None:
        if value <= seller.ioss_limit and buyer is None:
            return Treatment("ioss", note=_IOSS)
        return Treatment("import", "none", _IMPORT)
    return Treatment("destination") if rated else Treatment("import", "none", _IMPORT)
