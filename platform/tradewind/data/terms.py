"""How the loaded shops deliver, and what is taxed where they sell from.

The data does not say where its grocer is; Ohio, where the study's publisher is, stands in.
"""

from __future__ import annotations

from typing import Any

from tradewind.data.bulk import Loader
from tradewind.data.ids import SourceIds
from tradewind.data.tenants import FASHION, GROCER

FOOD = "food"
FOOD_DEPARTMENTS = (
    "GROCERY",
    "PRODUCE",
    "MEAT",
    "MEAT-PCKGD",
    "DELI",
    "PASTRY",
    "NUTRITION",
    "SEAFOOD",
    "SEAFOOD-PCKGD",
    "SALAD BAR",
    "CHEF SHOPPE",
    "FROZEN GROCERY",
)
NOT_FOOD = (
    r"AIR CARE|BATH TISS|BLEACH|CAT |DOG |PET CARE|DETERGENT|FACIAL TISS|WRAPS/BAGS|CLEANG|LAUNDRY|PAPER|SOFT DRINKS|"
    r"BEERS|WINE|LIQUOR|COUPON"
)
"""Ohio does not tax food that is eaten elsewhere, but soft drinks and alcohol (Ohio Revised Code 5739.01(EEE) and
5739.02(B)(2)): departments, less the categories of theirs that are something else, come nearest to it."""

_METHODS: dict[str, tuple[dict[str, Any], ...]] = {
    GROCER.slug: (
        {"code": "standard", "name": "Standard", "price": 495, "free_from": 3500, "min_days": 1, "max_days": 3},
        {"code": "express", "name": "Express", "price": 995, "free_from": None, "min_days": 0, "max_days": 1},
        {"code": "collect", "name": "Collect in store", "kind": "collect", "price": 0, "free_from": None},
    ),
    FASHION.slug: (
        {"code": "standard", "name": "Standard", "price": 595, "free_from": 7500, "min_days": 3, "max_days": 5},
    ),
}
_RATES = (("Ohio sales tax", "0.0575"), ("Franklin County", "0.0175"))


def enter(loader: Loader, shop: str, ids: SourceIds) -> None:
    """Give a shop its ways to deliver and its taxes, in the loader's transaction; what is there is left as it is."""
    for position, method in enumerate(_METHODS[shop]):
        values = {"kind": "ship", "min_days": 0, "max_days": 0, **method}
        loader.connection.execute(
            "INSERT INTO delivery_method (tenant_id, id, code, name, kind, countries, price, free_from, min_days,"
            " max_days, position) VALUES (%(tenant)s, %(id)s, %(code)s, %(name)s, %(kind)s, '{US}', %(price)s,"
            " %(free_from)s, %(min_days)s, %(max_days)s, %(position)s) ON CONFLICT DO NOTHING",
            {
                **values,
                "tenant": loader.tenant_id,
                "id": ids.of("delivery_method", values["code"]),
                "position": position,
            },
        )
    loader.connection.execute(
        "INSERT INTO tax_policy (tenant_id, id, included, country, region) VALUES (%s, %s, false, 'US', 'OH')"
        " ON CONFLICT DO NOTHING",
        (loader.tenant_id, ids.of("tax_policy", shop)),
    )
    for position, (name, rate) in enumerate(_RATES):
        loader.connection.execute(
            "INSERT INTO tax_rate (tenant_id, id, country, region, name, rate, position)"
            " VALUES (%s, %s, 'US', 'OH', %s, %s, %s) ON CONFLICT DO NOTHING",
            (loader.tenant_id, ids.of("tax_rate", name), name, rate, position),
        )
