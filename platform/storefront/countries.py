"""Countries as a shopper reads them, and those a shop delivers to."""

from __future__ import annotations

from collections.abc import Sequence

from commerce.delivery.schemas import MethodOut

COUNTRIES = {
    "AT": "Austria",
    "AU": "Australia",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IN": "India",
    "IT": "Italy",
    "JP": "Japan",
    "KW": "Kuwait",
    "NL": "Netherlands",
    "PL": "Poland",
    "PT": "Portugal",
    "SE": "Sweden",
    "US": "United States",
}
"""How some codes read; another is shown as it is."""


def offered(methods: Sequence[MethodOut]) -> list[str]:
    """The codes of the countries that are delivered to; none of them when it may be any."""
    sent = [method for method in methods if method.active and method.kind == "ship"]
    if not all(method.countries for method in sent):
        return []
    return sorted({code for method in sent for code in method.countries})
