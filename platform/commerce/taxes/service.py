"""A shop's tax policy and rates, as its staff keep them."""

from __future__ import annotations

import json

from sqlalchemy import text

from commerce.taxes.schemas import ClassIn, ClassOut, PolicyIn, PolicyOut, RateOut, RatesIn, TaxesOut
from commerce.taxes.vat_ids import well_formed
from foundation.database import Tx, hot
from foundation.ids import new_id

_POLICY = hot(text("SELECT (to_jsonb(p) - 'id' - 'tenant_id')::text FROM tax_policy p WHERE tenant_id = :tenant_id"))

_SET_POLICY = hot(
    text(
        """
        INSERT INTO tax_policy (tenant_id, id, included, country, region, oss, ioss_limit, vat_id, engine,
                                engine_codes, lower_when_free)
        VALUES (:tenant_id, :id, :included, :country, CAST(:region AS text), :oss, CAST(:ioss_limit AS bigint),
                CAST(:vat_id AS text), :engine, CAST(CAST(:engine_codes AS text) AS jsonb),
                :lower_when_free)
        ON CONFLICT (tenant_id) DO UPDATE
            SET included = excluded.included, country = excluded.country, region = excluded.region,
                oss = excluded.oss, ioss_limit = excluded.ioss_limit, vat_id = excluded.vat_id,
                engine = excluded.engine, engine_codes = excluded.engine_codes,
                lower_when_free = excluded.lower_when_free
        """
    )
)

_RATES = hot(
    text(
        """
        SELECT country, region, postal_prefixes, tax_class, name, rate, compound, applies FROM tax_rate
        WHERE tenant_id = :tenant_id ORDER BY country, position, id
        """
    )
)

# uq_tax_class_code
_CLASSES = hot(text("SELECT code, kind, reverse_charge FROM tax_class WHERE tenant_id = :tenant_id ORDER BY code"))

_SET_CLASS = hot(
    text(
        """
        INSERT INTO tax_class (tenant_id, id, code, kind, reverse_charge)
        VALUES (:tenant_id, :id, :code, :kind, :reverse_charge)
        ON CONFLICT (tenant_id, code) DO UPDATE
            SET kind = excluded.kind, reverse_charge = excluded.reverse_charge
        """
    )
)

_FORGET = hot(text("DELETE FROM tax_rate WHERE tenant_id = :tenant_id AND country = :country"))

_ADD = hot(
    text(
        """
        INSERT INTO tax_rate (tenant_id, id, country, region, postal_prefixes, tax_class, name, rate, compound, applies,
                              position)
        VALUES (:tenant_id, :id, :country, CAST(:region AS text), CAST(:postal_prefixes AS text[]), :tax_class, :name,
                :rate, :compound, :applies, :position)
        """
    )
)


async def read(tx: Tx) -> TaxesOut:
    """The policy and all rates."""
    policy = await tx.json(_POLICY)
    rates = [RateOut.model_validate(dict(row)) for row in await tx.rows(_RATES)]
    classes = [ClassOut.model_validate(dict(row)) for row in await tx.rows(_CLASSES)]
    return TaxesOut(policy=PolicyOut.model_validate_json(policy) if policy else None, rates=rates, classes=classes)


async def set_policy(tx: Tx, policy: PolicyIn) -> TaxesOut:
    """Say whether prices include tax, where the shop sells from, and what it is registered for.

    Raises:
        MalformedVatId.
    """
    vat_id = well_formed(policy.vat_id) if policy.vat_id else None
    codes = json.dumps(policy.engine_codes)
    await tx.rows(_SET_POLICY, {**policy.model_dump(), "vat_id": vat_id, "engine_codes": codes, "id": new_id()})
    return await read(tx)


async def set_class(tx: Tx, code: str, body: ClassIn) -> TaxesOut:
    """Say what is special about a class of what the shop sells."""
    await tx.rows(_SET_CLASS, {**body.model_dump(), "id": new_id(), "code": code})
    return await read(tx)


async def set_rates(tx: Tx, country: str, body: RatesIn) -> TaxesOut:
    """Put a country's rates in place of those it had."""
    await tx.rows(_FORGET, {"country": country})
    for position, rate in enumerate(body.rates):
        await tx.rows(_ADD, {**rate.model_dump(), "id": new_id(), "country": country, "position": position})
    return await read(tx)
