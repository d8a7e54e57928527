"""Where a place is to the taxman: which VAT area it belongs to, which is not always its country's.

Monaco is France to it, Northern Ireland's goods are in the EU's area, and some parts of member states are outside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())  # noqa: SIM905
"""The member states, by their ISO 3166 codes."""

_PART_OF = {"MC": "FR", "IM": "GB"}
_OUTSIDE: Mapping[str, tuple[str, ...]] = {
    "DE": ("27498", "78266"),  # Heligoland, Büsingen
    "ES": ("35", "38", "51", "52"),  # the Canary Islands, Ceuta, Melilla
    "FI": ("22",),  # Åland
    "FR": ("971", "972", "973", "974", "976"),  # the overseas departments
    "GR": ("63086", "63087"),  # Mount Athos
    "IT": ("23041",),  # Livigno
}
"""Parts of member states outside the EU's VAT area (Article 6 of Directive 2006/112/EC), by how postal codes begin."""
_NORTHERN_IRELAND = "BT"


@dataclass(frozen=True, slots=True)
class Place:
    """A place that goods come from or go to."""

    country: str
    region: str | None = None
    postal_code: str = ""

    @property
    def country_of_tax(self) -> str:
        """The country whose rates hold there."""
        return _PART_OF.get(self.country, self.country)

    @property
    def plain_postal_code(self) -> str:
        """The postal code as prefixes are compared with it: capitals and digits only."""
        return "".join(filter(str.isalnum, self.postal_code)).upper()

    @property
    def in_eu(self) -> bool:
        """Whether goods there are within the EU's VAT area."""
        code = self.plain_postal_code
        if self.country == "GB":
            return code.startswith(_NORTHERN_IRELAND)
        return self.country_of_tax in EU and not self.is_outside

    @property
    def is_outside(self) -> bool:
        """Whether it is a part of a member state outside the EU's VAT area."""
        return self.plain_postal_code.startswith(_OUTSIDE.get(self.country, ())) if self.postal_code else False
