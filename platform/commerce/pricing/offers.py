"""The offers that a statement finds for a shopper: SQL for whoever prices something, and how its answer is read."""

from __future__ import annotations

from pydantic import TypeAdapter

from commerce.pricing.engine import Offer

# ix_price_offer_variant and ix_price_quote_holder. Which group the customer belongs to is looked up once, and only for
# a variant that has a price for a group.
_OFFERS = """
    (SELECT jsonb_agg(to_jsonb(o))::text FROM (
        SELECT po.amount, po.min_quantity, po.price_group AS "group", po.starts_at, po.ends_at,
               CAST(NULL AS uuid) AS decision_id
        FROM price_offer po
        WHERE po.tenant_id = {variant}.tenant_id AND po.variant_id = {variant}.id AND po.currency = {currency}
          AND (po.price_group IS NULL OR po.price_group = (
               SELECT u.price_group FROM customer u
               WHERE u.tenant_id = :tenant_id AND u.id = CAST(:customer_id AS uuid)))
        UNION ALL
        SELECT q.amount, 1, NULL, q.quoted_at, q.expires_at, q.decision_id
        FROM price_quote q
        WHERE q.tenant_id = {variant}.tenant_id AND q.variant_id = {variant}.id AND q.currency = {currency}
          AND q.holder_id IN (CAST(:customer_id AS uuid), CAST(:visitor_id AS uuid))
          AND q.expires_at > CAST(:now AS timestamptz)) o)
"""
_READ = TypeAdapter(list[Offer])


def offers_of(variant: str, currency: str) -> str:
    """What a shopper (`:customer_id`, `:visitor_id`) is offered `:now` for a variant, by its alias, in a currency.

    JSON, and null where there is nothing, as in most shops. As text, because a session's connection decodes JSON and a
    raw one doesn't.
    """
    return _OFFERS.format(variant=variant, currency=currency)


def read_offers(document: str | None) -> list[Offer]:
    """The offers that `offers_of` gave."""
    return _READ.validate_json(document) if document else []
