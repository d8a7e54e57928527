"""The ways in which a shop delivers: kept by its staff, offered to carts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from commerce.delivery.schemas import DeliveryOut, Kind, MethodIn, MethodOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Unprocessable
from foundation.ids import new_id


class BadDays(Unprocessable):
    """A delivery can't arrive at the latest before it arrives at the earliest."""

    code = "delivery.bad_days"

    min_days: int
    max_days: int


@dataclass(frozen=True, slots=True)
class Method:
    """A way to deliver, as a cart needs it; amounts in minor units."""

    code: str
    name: str
    kind: Kind
    price: int
    free_from: int | None
    min_days: int
    max_days: int
    tax_class: str
    position: int

    def price_for(self, goods: int) -> int:
        """What it costs when the goods cost so much, discounts taken off."""
        return 0 if self.free_from is not None and goods >= self.free_from else self.price

    def out(self, goods: int) -> DeliveryOut:
        """The method as a shopper sees it, counted from today."""
        today = clock.now().date()
        return DeliveryOut(
            code=self.code,
            name=self.name,
            kind=self.kind,
            price=self.price_for(goods),
            earliest=today + timedelta(days=self.min_days),
            latest=today + timedelta(days=self.max_days),
        )


_LIST = hot(
    text(
        """
        SELECT code, name, kind, countries, price, free_from, min_days, max_days, tax_class, position, active
        FROM delivery_method WHERE tenant_id = :tenant_id ORDER BY position, code
        """
    )
)

_PUT = hot(
    text(
        """
        INSERT INTO delivery_method (tenant_id, id, code, name, kind, countries, price, free_from, min_days, max_days,
                                     tax_class, position, active)
        VALUES (:tenant_id, :id, :code, :name, :kind, CAST(:countries AS text[]), :price, CAST(:free_from AS bigint),
                :min_days, :max_days, :tax_class, :position, :active)
        ON CONFLICT (tenant_id, code) DO UPDATE SET
            name = excluded.name, kind = excluded.kind, countries = excluded.countries, price = excluded.price,
            free_from = excluded.free_from, min_days = excluded.min_days, max_days = excluded.max_days,
            tax_class = excluded.tax_class, position = excluded.position, active = excluded.active
        """
    )
)

GOING_THERE = """
    SELECT d.code, d.name, d.kind, d.price, d.free_from, d.min_days, d.max_days, d.tax_class,
           d.position
    FROM delivery_method d
    WHERE d.tenant_id = :tenant_id AND d.active
      AND (d.kind = 'collect' OR d.countries = '{}' OR asked.country IS NULL OR asked.country = ANY(d.countries))
"""
"""The methods `d` that go to the country that is `asked` for. What is collected goes nowhere; before there is an
address, all of them do.
"""

# uq_delivery_method_code
_OFFERED = hot(
    text(
        f"""
        SELECT method.* FROM (SELECT CAST(:country AS text) AS country) asked
        CROSS JOIN LATERAL ({GOING_THERE}) method ORDER BY method.position, method.code
        """  # noqa: S608  (the fragment is a literal)
    )
)


async def methods(tx: Tx) -> list[MethodOut]:
    """All of a shop's ways to deliver."""
    return [MethodOut.model_validate(dict(row)) for row in await tx.rows(_LIST)]


async def put(tx: Tx, code: str, method: MethodIn) -> None:
    """Add a way to deliver, or change the one with this code.

    Raises:
        BadDays: it would arrive before it arrives.
    """
    if method.max_days < method.min_days:
        raise BadDays(min_days=method.min_days, max_days=method.max_days)
    await tx.rows(_PUT, {**method.model_dump(), "id": new_id(), "code": code})


async def offered(tx: Tx, country: str | None) -> Sequence[Method]:
    """The ways to deliver to a country."""
    return [method_of(row) for row in await tx.rows(_OFFERED, {"country": country})]


def method_of(row: Mapping[str, Any]) -> Method:
    """A method of a row, or of its JSON."""
    return Method(**dict(row))
