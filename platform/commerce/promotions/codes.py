"""Codes in a cart: what each is worth to this shopper now. Pure, but for the SQL that finds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from pydantic import TypeAdapter

from commerce.promotions.engine import Discount
from commerce.promotions.schemas import Standing
from commerce.promotions.windows import when, zone_of

# The primary key of discount_code, and ix_discount_redemption_holder.
CODE = """
    jsonb_build_object(
        'id', d.id, 'code', d.code, 'percent', d.percent, 'amount', d.amount, 'currency', d.currency,
        'minimum', d.minimum, 'starts_at', d.starts_at, 'ends_at', d.ends_at,
        'zone', (SELECT t.settings->>'zone' FROM tenant t WHERE t.id = :tenant_id),
        'used_up', coalesce(d.used >= d.usage_limit, false) OR coalesce((
            SELECT count(*) FROM discount_redemption r
            WHERE r.tenant_id = :tenant_id AND r.code_id = d.id AND r.released_at IS NULL
              AND r.holder_id = coalesce(CAST(:customer_id AS uuid), CAST(:visitor_id AS uuid))
        ) >= d.per_customer_limit, false))
"""
"""A code `d` as a shopper (`:customer_id`, `:visitor_id`) stands to it."""


def codes_of(ids: str) -> str:
    """The codes whose ids an expression gives, in its order, as the text of JSON; null where there are none."""
    return f"""
        CASE WHEN {ids} <> '{{}}' THEN (
            SELECT jsonb_agg({CODE} ORDER BY array_position({ids}, d.id))::text FROM discount_code d
            WHERE d.tenant_id = :tenant_id AND d.id = ANY({ids})) END
    """  # noqa: S608  (an expression of ours)


@dataclass(frozen=True, slots=True)
class Code:
    """A code, as it stands for one shopper."""

    id: UUID
    code: str
    percent: Decimal | None
    amount: int | None
    currency: str | None
    minimum: int
    starts_at: datetime | None
    ends_at: datetime | None
    """By the shop's clocks; not included."""
    zone: str | None
    used_up: bool
    """By everybody, or by this shopper."""

    def standing(self, goods: int, *, at: datetime) -> Standing:
        """Whether it takes something off goods that cost so much, and if not, why."""
        place = when(at, starts=self.starts_at, ends=self.ends_at, zone=zone_of(self.zone))
        if place != "within":
            return "not_begun" if place == "before" else "ended"
        if self.used_up:
            return "used_up"
        return "below_minimum" if goods < self.minimum else "good"


@dataclass(frozen=True, slots=True)
class Presented:
    """A code in a cart, and how it stands."""

    code: Code
    standing: Standing

    @property
    def name(self) -> str:
        """The code as the shopper knows it."""
        return self.code.code

    @property
    def is_over(self) -> bool:
        """It takes nothing off, whatever the shopper puts in."""
        return self.standing in {"not_begun", "ended", "used_up"}

    def discount(self) -> Discount:
        """What it takes off while it stands good."""
        return Discount(self.name, share=Fraction(self.code.percent or 0) / 100, amount=self.code.amount or 0)


_READ = TypeAdapter(list[Code])


def read_codes(document: str | None) -> list[Code]:
    """The codes that `codes_of` gave."""
    return _READ.validate_json(document) if document else []
