"""Who issues a shop's papers, and the papers of an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.documents.schemas import DocumentOut, IssuerIn, IssuerOut
from foundation import sealing
from foundation.database import HotStatement, Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id


class DocumentNotFound(NotFound):
    """The order has no such document."""

    code = "documents.not_found"


@dataclass(frozen=True, slots=True)
class Written:
    """A paper with all that stands on it."""

    document: DocumentOut
    data: dict[str, Any]
    key: bytes | None = field(repr=False)
    """What its file is sealed by: the paper's own, until its time is over."""


_SEPARATE = ("invoice_on", "invoice_prefix", "credit_note_prefix")

_SET_ISSUER = hot(
    text(
        """
        INSERT INTO document_issuer (tenant_id, id, invoice_on, invoice_prefix, credit_note_prefix, details)
        VALUES (:tenant_id, :id, :invoice_on, :invoice_prefix, :credit_note_prefix,
                CAST(CAST(:details AS text) AS jsonb))
        ON CONFLICT (tenant_id) DO UPDATE
            SET invoice_on = excluded.invoice_on, invoice_prefix = excluded.invoice_prefix,
                credit_note_prefix = excluded.credit_note_prefix, details = excluded.details
        """
    )
)

_ISSUER = hot(
    text(
        """
        SELECT details || jsonb_build_object('invoice_on', invoice_on, 'invoice_prefix', invoice_prefix,
                                             'credit_note_prefix', credit_note_prefix)
        FROM document_issuer WHERE tenant_id = :tenant_id
        """
    )
)


def _select(rest: str) -> HotStatement:
    return hot(
        text(
            f"""
            SELECT id, kind, number, order_id, invoice_id, currency, net, tax, total, issued_on, issued_at, data::text
            FROM document WHERE tenant_id = :tenant_id AND order_id = :order_id {rest}
            """  # noqa: S608  (the rest is a literal of this module)
        )
    )


# ix_document_order
_OF_ORDER = _select("ORDER BY id")
_ONE = _select("AND id = :document_id")
_INVOICE = _select("AND kind = 'invoice' ORDER BY id DESC LIMIT 1")


async def set_issuer(tx: Tx, body: IssuerIn) -> IssuerOut:
    """Say who the shop is in law; papers that were written stay as they are."""
    values = {name: getattr(body, name) for name in _SEPARATE}
    details = body.model_dump_json(exclude=set(_SEPARATE))
    await tx.rows(_SET_ISSUER, {"id": new_id(), "details": details, **values})
    return IssuerOut(issuer=body)


async def issuer(tx: Tx) -> IssuerOut:
    """Who the shop is in law."""
    document = await tx.json(_ISSUER)
    return IssuerOut(issuer=IssuerIn.model_validate(orjson.loads(document)) if document else None)


async def of_order(tx: Tx, order_id: UUID) -> Sequence[DocumentOut]:
    """An order's invoices and credit notes, oldest first."""
    return [_opened(row)[0] for row in await tx.rows(_OF_ORDER, {"order_id": order_id})]


async def one(tx: Tx, order_id: UUID, document_id: UUID) -> Written:
    """An order's invoice or credit note.

    Raises:
        DocumentNotFound.
    """
    return await _found(tx, _ONE, {"order_id": order_id, "document_id": document_id})


async def invoice(tx: Tx, order_id: UUID) -> Written:
    """An order's invoice, the last when there are several.

    Raises:
        DocumentNotFound: it has none, or none yet.
    """
    return await _found(tx, _INVOICE, {"order_id": order_id})


async def _found(tx: Tx, statement: HotStatement, values: dict[str, UUID]) -> Written:
    row = await tx.one(statement, values)
    if row is None:
        raise DocumentNotFound
    document, data = _opened(row)
    return Written(document, data, (await sealing.keys_of(tx, [document.id])).get(document.id))


def _opened(row: Any) -> tuple[DocumentOut, dict[str, Any]]:
    said = dict(row)
    data: dict[str, Any] = orjson.loads(said.pop("data"))
    return DocumentOut.model_validate(said), data
