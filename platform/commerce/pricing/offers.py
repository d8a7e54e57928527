"""The offers that a statement finds for a shopper: SQL for whoever prices something, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from commerce.pricing.engine import Offer

# ix_price_offer_variant and ix_price_quote_holder. Which group the customer belongs to is looked up once, and only for
# a variant that has a price for a group.
_OFFERS = """
    (SELECT jsonb_agg(to_jsonb(o))::text FROM (
        SELECT po.amount, po.min_quantity, po.price_group AS "group", po.starts_at, po.ends_at,
               CAST(NULL AS uuid) AS decision_id, po.channel
        FROM price_offer po
        WHERE po.tenant_id = {variant}.tenant_id AND po.variant_id = {variant}.id AND po.currency = {currency}
          AND (po.channel IS NULL OR po.channel = {channel})
          AND (po.price_group IS NULL OR po.price_group = (
               SELECT u.price_group FROM customer u
               WHERE u.tenant_id = :tenant_id AND u.id = CAST(:customer_id AS uuid)))
        UNION ALL
        SELECT q.amount, 1, NULL, q.quoted_at, q.expires_at, q.decision_id, NULL
        FROM price_quote q
        WHERE q.tenant_id = {variant}.tenant_id AND q.variant_id = {variant}.id AND q.currency = {currency}
          AND q.holder_id IN (CAST(:customer_id AS uuid), CAST(:visitor_id AS uuid))
          AND q.expires_at > CAST(:now AS timestamptz)) o)
"""
# Whether the shop has any offer or quote is asked once a statement; most shops have none, and pay no more for it.
# ix_price_offer_variant, ix_price_quote_holder and ix_price_quote_variant
_SHOWN = """
    CASE WHEN (SELECT EXISTS (SELECT FROM price_offer x WHERE x.tenant_id = CAST(:tenant_id AS uuid))
                   OR EXISTS (SELECT FROM price_quote x WHERE x.tenant_id = CAST(:tenant_id AS uuid)))
    THEN (SELECT jsonb_build_object(
              'personal', bool_or(o.personal),
              'offers', coalesce(jsonb_agg(to_jsonb(o) - 'personal' - 'theirs') FILTER (WHERE o.theirs), '[]'))
          FROM (
        SELECT po.amount, po.min_quantity, po.price_group AS "group", po.starts_at, po.ends_at,
               CAST(NULL AS uuid) AS decision_id, po.channel,
               po.price_group IS NOT NULL OR po.channel IS NOT NULL AS personal,
               (po.channel IS NULL OR po.channel = CAST(:channel AS text))
               AND (po.price_group IS NULL OR po.price_group = (
                   SELECT u.price_group FROM customer u
                   WHERE u.tenant_id = CAST(:tenant_id AS uuid) AND u.id = CAST(:customer_id AS uuid))) AS theirs
        FROM price_offer po
        WHERE po.tenant_id = {variant}.tenant_id AND po.variant_id = {variant}.id AND po.currency = {currency}
        UNION ALL
        SELECT q.amount, 1, NULL, q.quoted_at, q.expires_at, q.decision_id, NULL, true, true
        FROM price_quote q
        WHERE q.tenant_id = {variant}.tenant_id AND q.variant_id = {variant}.id AND q.currency = {currency}
          AND q.holder_id IN (CAST(:customer_id AS uuid), CAST(:visitor_id AS uuid))
          AND q.expires_at > CAST(:now AS timestamptz)
        UNION ALL
        SELECT 0, 1, NULL, NULL, NULL, NULL, NULL, true, false
        WHERE EXISTS (SELECT FROM price_quote q
                      WHERE q.tenant_id = {variant}.tenant_id AND q.variant_id = {variant}.id
                        AND q.expires_at > CAST(:now AS timestamptz))) o
          HAVING count(*) > 0) END
"""
# uq_price_period_start; a variant at its list price, in a shop without offers, costs nothing more.
LOWEST_BEFORE = """
    CASE WHEN r.compare_at > r.amount
           OR (SELECT EXISTS (SELECT FROM price_offer x WHERE x.tenant_id = CAST(:tenant_id AS uuid)))
    THEN (SELECT CASE WHEN h.ends_at IS NULL OR h.ends_at > CAST(:now AS timestamptz) THEN h.lowest_before END
          FROM price_period h
          WHERE h.tenant_id = r.tenant_id AND h.variant_id = r.variant_id AND h.currency = r.currency
            AND h.starts_at <= CAST(:now AS timestamptz) AND (h.channel IS NULL OR h.channel = CAST(:channel AS text))
          ORDER BY h.channel IS NULL, h.starts_at DESC LIMIT 1) END
"""
"""The lowest price on `:channel` of the 30 days before what a `price r` shows as reduced was; null where nothing is."""

_READ = TypeAdapter(list[Offer])


def offers_of(variant: str, currency: str, channel: str = "CAST(:channel AS text)") -> str:
    """What a shopper (`:customer_id`, `:visitor_id`) is offered `:now` for a variant, by its alias, in a currency, on a
    sales channel.

    JSON, and null where there is nothing, as in most shops. As text, because a session's connection decodes JSON and a
    raw one doesn't.
    """
    return _OFFERS.format(variant=variant, currency=currency, channel=channel)


@dataclass(frozen=True, slots=True)
class Offered:
    """What a shopper is offered for a variant."""

    offers: list[Offer]
    personal: bool
    """Somebody else may be offered something else."""


_READ_SHOWN = TypeAdapter(dict[str, Offered])


def shown_offers_of(variant: str, currency: str) -> str:
    """`offers_of`, on `:channel`, for whoever only looks: an `Offered` as JSON, which says too whether others may be
    offered something else. Null where nobody is offered anything.
    """
    return _SHOWN.format(variant=variant, currency=currency)


def read_shown(document: str | None) -> dict[str, Offered]:
    """What an object of `shown_offers_of` by the variant's id says."""
    return _READ_SHOWN.validate_json(document) if document else {}


def read_offers(document: str | None) -> list[Offer]:
    """The offers that `offers_of` gave."""
    return _READ.validate_json(document) if document else []
