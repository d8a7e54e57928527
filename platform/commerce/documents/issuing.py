"""Invoices and credit notes, written in the transaction of what they are about.

Whoever calls holds the order, so its papers are written one after the other; the counter is taken last, and only for as
long as the transaction still lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import text

from commerce.cart.wrapping import shares_of
from commerce.documents import keeping
from commerce.documents.amounts import (
    FEES,
    SHIPPING,
    Charged,
    Levy,
    Part,
    by_levy,
    credited,
    of_unknown_rates,
    still_to_say,
    to_charge,
)
from commerce.logos import service as logos
from foundation import clock
from foundation.database import Tx, hot
from foundation.events import DocumentIssued, record
from foundation.ids import new_id
from foundation.money import round_minor
from foundation.outbox import announce
from foundation.veil import BUYER, Personal

DocumentKind = Literal["invoice", "credit_note"]


@dataclass(frozen=True, slots=True)
class Issued:
    """A paper that was written just now."""

    id: UUID
    kind: DocumentKind
    number: str
    total: int


# uq_document_issuer, ix_order_line_order, ix_document_order
_SNAPSHOT = hot(
    text(
        """
        SELECT jsonb_build_object(
            'order', to_jsonb(o), 'issuer', i.details, 'locale', t.locale, 'zone', coalesce(t.settings->>'zone', 'UTC'),
            'settings', jsonb_build_object('theme', t.settings->'theme'),
            'lines', (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id) FROM order_line l
                      WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id),
            'paid_with', (SELECT coalesce(jsonb_agg(jsonb_build_object('provider', p.provider, 'amount', p.amount)
                                                    ORDER BY p.created_at, p.id), '[]')
                          FROM payment p
                          WHERE p.tenant_id = o.tenant_id AND p.order_id = o.id
                            AND p.status IN ('authorised', 'due', 'capturing', 'captured')),
            'papers', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'kind', d.kind, 'number', d.number,
                                                                    'parts', d.data->'parts', 'takes_back',
                                                                    coalesce((d.data->>'takes_back')::boolean, false))
                                                 ORDER BY d.id), '[]')
                       FROM document d WHERE d.tenant_id = o.tenant_id AND d.order_id = o.id))
        FROM orders o
        JOIN document_issuer i ON i.tenant_id = o.tenant_id
        JOIN tenant t ON t.id = o.tenant_id
        WHERE o.tenant_id = :tenant_id AND o.id = :order_id
        """
    )
)

# A number and its document are one statement: what is rolled back takes the number along.
_ISSUE = hot(
    text(
        """
        WITH taken AS (
            INSERT INTO document_counter AS c (tenant_id, id, kind, year, last)
            VALUES (:tenant_id, :counter_id, :kind, :year, 1)
            ON CONFLICT (tenant_id, kind, year) DO UPDATE SET last = c.last + 1
            RETURNING last),
        kept AS (
            UPDATE subject_key SET kept_until = CAST(:kept_until AS timestamptz)
            WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid))
        INSERT INTO document (tenant_id, id, kind, year, sequence, number, order_id, invoice_id, currency, net, tax,
                              total, data, issued_on, issued_at)
        SELECT :tenant_id, :id, :kind, :year, taken.last,
               CASE CAST(:kind AS text) WHEN 'invoice' THEN i.invoice_prefix ELSE i.credit_note_prefix END
                   || CAST(:year AS bigint) || '-'
                   || lpad(taken.last::text, greatest(6, length(taken.last::text)), '0'),
               :order_id, CAST(:invoice_id AS uuid), :currency, :net, :tax, :total,
               CAST(CAST(:data AS text) AS jsonb), CAST(:issued_on AS date), CAST(:issued_at AS timestamptz)
        FROM taken, document_issuer i WHERE i.tenant_id = :tenant_id
        RETURNING number
        """
    )
)


async def keep_up(tx: Tx, order_id: UUID, *, due: bool) -> Sequence[Issued]:
    """Write what an order's papers do not say yet: an invoice once it is `due`, and credit notes to invoices.

    What an invoice said that holds no more is taken back first, and said anew.

    Nothing is written for a shop that has not said who it is in law.
    """
    document = await tx.json(_SNAPSHOT, {"order_id": order_id})
    if document is None:
        return []
    about = _About(orjson.loads(document))
    if not (due or about.invoices):
        return []
    issued = []
    back, parts = to_charge(about.charged.parts(), about.invoiced())
    if back:
        issued.append(await _issue(tx, about, "credit_note", back, takes_back=True))
    if _matters(parts):
        issued.append(await _issue(tx, about, "invoice", parts))
        about.invoices.append((issued[-1].id, issued[-1].number))
    parts = still_to_say(about.credited(), about.said("credit_note", takes_back=False))
    if _matters(parts):
        issued.append(await _issue(tx, about, "credit_note", parts))
    return issued


def _matters(parts: Sequence[Part]) -> bool:
    return sum(part.total for part in parts) > 0 or any(amount for _, _, amount in by_levy(parts))


class _About:
    """An order as the database has it, and what its papers say."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.order: Mapping[str, Any] = known["order"]
        self.lines: Mapping[str, Mapping[str, Any]] = {line["id"]: line for line in known["lines"]}
        self.issuer: Mapping[str, Any] = known["issuer"]
        self.locale: str = known["locale"]
        self.zone = ZoneInfo(known["zone"])
        self.logo = logos.mark_of(known["settings"])
        self.paid_with: Sequence[Mapping[str, Any]] = known["paid_with"]
        self._papers: Sequence[Mapping[str, Any]] = known["papers"]
        self.invoices = [(UUID(paper["id"]), paper["number"]) for paper in self._papers if paper["kind"] == "invoice"]
        self.charged = self._charged()

    def said(self, kind: DocumentKind, *, takes_back: bool) -> Iterator[Part]:
        """The parts of all papers of a kind: of those that take back what an invoice said, or of the others."""
        for paper in self._papers:
            if paper["kind"] == kind and paper["takes_back"] == takes_back:
                for part in paper["parts"]:
                    taxes = {_levy(levied): levied["amount"] for levied in part["taxes"]}
                    yield Part(part["key"], part["quantity"], part["total"], taxes)

    def invoiced(self) -> Iterator[Part]:
        """What the invoices say that has not been taken back."""
        yield from self.said("invoice", takes_back=False)
        for part in self.said("credit_note", takes_back=True):
            yield Part(part.key, 0, 0).less(part)

    def credited(self) -> list[Part]:
        """What the shopper does not owe any more."""
        units = {line_id: line["credited"] for line_id, line in self.lines.items()}
        return credited(
            self.charged,
            units,
            self.order["credited"],
            shipping=self.order["shipping_credited"],
            fees=self._unwrapped(),
        )

    def _unwrapped(self) -> int:
        """What of the gift wrap went back with the lines that it belonged to."""
        lines = list(self.lines.values())
        wraps = shares_of(self.charged.fees.total, self.order["gift"], [line["gift"] for line in lines])
        return sum(
            round_minor(Fraction(wrap * line["credited"], line["quantity"]))
            for wrap, line in zip(wraps, lines, strict=True)
        )

    def written(self, part: Part) -> dict[str, Any]:
        """A part as it is kept and printed."""
        line = self.lines.get(part.key, {})
        return {
            "key": part.key,
            "sku": line.get("sku"),
            "title": line.get("title"),
            "quantity": part.quantity,
            "unit_price": line.get("unit_price"),
            "discount": line["discount"] if line and part.quantity == line["quantity"] else None,
            "net": part.net,
            "tax": part.tax,
            "total": part.total,
            "taxes": [{**_told(levy), "amount": amount} for levy, amount in part.taxes.items()],
        }

    def _charged(self) -> Charged:
        levied = {_levy(tax): tax["amount"] for tax in self.order["taxes"]}
        lines, rest = [], dict(levied)
        for line_id, line in self.lines.items():
            explained = {_levy(tax): tax["amount"] for tax in line["explanation"]["taxes"]}
            if sum(explained.values()) != line["tax"]:
                explained = of_unknown_rates(line["tax"], levied)
            for levy, amount in explained.items():
                rest[levy] = rest.get(levy, 0) - amount
            lines.append(self._part(line_id, line["quantity"], line["total"], explained))
        shipping_tax, fees_tax = self.order["shipping_tax"], self.order["fees_tax"]
        if sum(rest.values()) != shipping_tax + fees_tax:
            rest = of_unknown_rates(shipping_tax + fees_tax, levied)
        of_fees = of_unknown_rates(fees_tax, rest)
        rest = {levy: amount - of_fees.get(levy, 0) for levy, amount in rest.items()}
        shipping, fees = self.order["shipping"], self.order["fees"]
        return Charged(
            lines,
            self._part(SHIPPING, int(shipping != 0), shipping, rest),
            self._part(FEES, int(fees != 0), fees, of_fees),
        )

    def _part(self, key: str, quantity: int, total: int, taxes: Mapping[Levy, int]) -> Part:
        on_top = 0 if self.order["tax_included"] else sum(taxes.values())
        return Part(key, quantity, total + on_top, taxes)


async def _issue(
    tx: Tx, about: _About, kind: DocumentKind, parts: Sequence[Part], *, takes_back: bool = False
) -> Issued:
    now = clock.now()
    issued_on = now.astimezone(about.zone).date()
    document_id = new_id()
    total, tax = sum(part.total for part in parts), sum(part.tax for part in parts)
    values = {
        "id": document_id,
        "counter_id": new_id(),
        "kind": kind,
        "year": issued_on.year,
        "order_id": UUID(about.order["id"]),
        "invoice_id": about.invoices[-1][0] if kind == "credit_note" else None,
        "currency": about.order["currency"],
        "net": total - tax,
        "tax": tax,
        "total": total,
        "data": Personal(
            document_id, orjson.dumps(_data(about, kind, parts) | {"takes_back": takes_back}).decode(), BUYER
        ),
        "issued_on": issued_on,
        "issued_at": now,
        "kept_until": keeping.until(issued_on.year),
    }
    row = await tx.one(_ISSUE, values)
    if row is None:
        raise RuntimeError("an insert gave no row")
    said = DocumentIssued(
        document_id=document_id,
        kind=kind,
        order_id=values["order_id"],
        number=row["number"],
        total=total,
        tax=tax,
        currency=values["currency"],
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=said.order_id)])
    return Issued(document_id, kind, row["number"], total)


def _data(about: _About, kind: DocumentKind, parts: Sequence[Part]) -> dict[str, Any]:
    order = about.order
    return {
        "issuer": about.issuer,
        "logo": about.logo,
        "locale": about.locale,
        "buyer": {"email": order["email"], "address": order["address"], "vat_id": order.get("vat_id")},
        "order": {"number": order["number"], "placed_on": _day(order["placed_at"], about.zone)},
        "tax_included": order["tax_included"],
        "parts": [about.written(part) for part in parts],
        "taxes": [{**_told(levy), "base": base, "amount": amount} for levy, base, amount in by_levy(parts)],
        "paid_with": about.paid_with if kind == "invoice" else [],
        "corrects": [number for _, number in about.invoices] if kind == "credit_note" else [],
    }


def _levy(tax: Mapping[str, Any]) -> Levy:
    return Levy(tax["name"], tax["rate"], tax.get("note") or "")


def _told(levy: Levy) -> dict[str, str]:
    return {"name": levy.name, "rate": levy.rate, "note": levy.note}


def _day(at: str, zone: ZoneInfo) -> date:
    return datetime.fromisoformat(at).astimezone(zone).date()
