"""Lines of which nothing is sent: their files are handed out once they are paid for.

Whether they may still be had is never written down: it follows from the order's lines, its payments and its disputes
at the moment in which somebody asks. So a refund, a cancellation or a chargeback takes them away by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.digital.service import Kept
from commerce.identity.service import Shopper
from commerce.notifications import service as notifications
from commerce.notifications.service import Recipient
from commerce.orders.download_schemas import DownloadOut
from commerce.orders.held import OWNED, Actor, Held, enter, hold, whose
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.turns import in_turn

PAID = frozenset({"paid", "partially_refunded"})
GOING_ON = timedelta(days=1)
"""How long after a download began the rest of it can be asked for, if it was broken off."""
_TURNS = 61
_AT_ONCE = 50


class DownloadsNotPaid(Conflict):
    """What is downloaded is not handed out before its money is here."""

    code = "downloads.not_paid_yet"


class DownloadNotFound(NotFound):
    """You have bought no such file."""

    code = "downloads.not_found"


class DownloadExpired(Conflict):
    """It could be downloaded for some time, which is over; ask the shop."""

    code = "downloads.expired"


class DownloadWithdrawn(Conflict):
    """It was given back, or its payment was."""

    code = "downloads.withdrawn"


class DownloadLimitReached(Conflict):
    """It was downloaded as often as it may be; ask the shop."""

    code = "downloads.limit_reached"

    limit: int


# ix_order_line_digital
_DUE = hot(
    text(
        """
        SELECT DISTINCT l.order_id FROM order_line l
        JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE l.tenant_id = :tenant_id AND l.components = '[]'::jsonb AND l.fulfilled + l.cancelled < l.quantity
          AND o.payment_state = ANY(CAST(:paid AS text[]))
        ORDER BY l.order_id LIMIT :most
        """
    )
)
_GRANT = hot(
    text(
        """
        INSERT INTO download_right (tenant_id, id, order_id, order_line_id, granted_at, counted_from)
        SELECT :tenant_id, r.id, :order_id, r.line_id, CAST(:at AS timestamptz), CAST(:at AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:line_ids AS uuid[])) AS r (id, line_id)
        ON CONFLICT (tenant_id, order_line_id) DO NOTHING
        """
    )
)
_BUYER = hot(
    text(
        """
        SELECT o.number, o.email, coalesce(o.customer_id, o.cart_id) AS subject_id, t.locale
        FROM orders o JOIN tenant t ON t.id = o.tenant_id
        WHERE o.tenant_id = :tenant_id AND o.id = :order_id
        """
    )
)
_RENEW = hot(
    text(
        """
        UPDATE download_right SET counted_from = CAST(:at AS timestamptz)
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND order_line_id = :line_id RETURNING id
        """
    )
)

_HOLDS = """
    l.fulfilled > l.returned AND l.quantity > l.cancelled + l.credited
    AND o.payment_state NOT IN ('refunded', 'voided')
    AND NOT EXISTS (SELECT FROM dispute d
                    WHERE d.tenant_id = o.tenant_id AND d.order_id = o.id AND d.status IN ('opened', 'lost'))
"""
_STATE = f"""
    CASE WHEN NOT ({_HOLDS}) THEN 'withdrawn'
         WHEN r.counted_from + v.download_days * INTERVAL '1 day' <= CAST(:now AS timestamptz) THEN 'expired'
         ELSE 'ready' END
"""

# ix_orders_customer, ix_download_right_order, ix_digital_file_variant, ix_download_right_file
_DOWNLOADS = f"""
    SELECT r.id, jsonb_build_object(
        'order_id', o.id, 'order_number', o.number, 'line_id', l.id, 'product_id', l.product_id, 'title', l.title,
        'granted_at', r.granted_at, 'expires_at', r.counted_from + v.download_days * INTERVAL '1 day',
        'state', {_STATE},
        'files', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size, 'downloads', got.times,
                'left', CASE WHEN v.download_limit IS NOT NULL THEN greatest(v.download_limit - got.times, 0) END)
                ORDER BY f.id), '[]')
            FROM digital_file f
            CROSS JOIN LATERAL (SELECT count(*) AS times FROM download d
                                WHERE d.tenant_id = r.tenant_id AND d.right_id = r.id AND d.file_id = f.id
                                  AND d.begun_at >= r.counted_from) got
            WHERE f.tenant_id = v.tenant_id AND f.variant_id = v.id))::text AS document
    FROM download_right r
    JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
    JOIN order_line l ON l.tenant_id = r.tenant_id AND l.id = r.order_line_id
    JOIN variant v ON v.tenant_id = l.tenant_id AND v.id = l.variant_id
    WHERE r.tenant_id = :tenant_id
"""  # noqa: S608  (the fragments are literals of this module)
_PAGE = hot(
    text(
        f"""{_DOWNLOADS} AND {OWNED} AND (CAST(:before AS uuid) IS NULL OR r.id < CAST(:before AS uuid))
        ORDER BY r.id DESC LIMIT :limit"""
    )
)
_OF_ORDER = hot(text(f"{_DOWNLOADS} AND r.order_id = :order_id AND {OWNED} ORDER BY r.id"))
_WANTED = hot(
    text(
        f"""
        SELECT r.id AS right_id, {_STATE} AS state, v.download_limit, f.id, f.name, f.media_type, f.size, f.sha256,
               f.version, f.content_id, f.uploaded_at, got.times,
               coalesce(got.last > CAST(:lately AS timestamptz), false) AS lately
        FROM download_right r
        JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
        JOIN order_line l ON l.tenant_id = r.tenant_id AND l.id = r.order_line_id
        JOIN variant v ON v.tenant_id = l.tenant_id AND v.id = l.variant_id
        JOIN digital_file f ON f.tenant_id = v.tenant_id AND f.variant_id = v.id
        CROSS JOIN LATERAL (SELECT count(*) AS times, max(d.begun_at) AS last FROM download d
                            WHERE d.tenant_id = r.tenant_id AND d.right_id = r.id AND d.file_id = f.id
                              AND d.begun_at >= r.counted_from) got
        WHERE r.tenant_id = :tenant_id AND r.order_id = :order_id AND r.order_line_id = :line_id AND f.id = :file_id
          AND {OWNED}
        """  # noqa: S608  (the fragments are literals of this module)
    )
)
_BEGIN = hot(
    text(
        """
        INSERT INTO download (tenant_id, id, right_id, file_id, file_version, begun_at)
        VALUES (:tenant_id, :id, :right_id, :file_id, :version, CAST(:at AS timestamptz))
        """
    )
)


async def due(tx: Tx) -> Sequence[UUID]:
    """Orders that are paid for and have lines to be handed out."""
    return [row["order_id"] for row in await tx.rows(_DUE, {"paid": sorted(PAID), "most": _AT_ONCE})]


def digital(held: Held, line_ids: Iterable[UUID]) -> list[UUID]:
    """Those of some lines of which nothing is sent."""
    return [line_id for line_id in line_ids if held.line(line_id).digital]


async def grant(held: Held, line_ids: Iterable[UUID]) -> None:
    """Units of lines have left: those that are downloaded can be, and their buyer is told so, once.

    Raises:
        DownloadsNotPaid: the order's money is still to come; the transaction has to be rolled back.
    """
    lines = digital(held, line_ids)
    if not lines:
        return
    if held.states.payment not in PAID:
        raise DownloadsNotPaid
    values = {"order_id": held.id, "ids": [new_id() for _ in lines], "line_ids": lines, "at": clock.now()}
    await held.tx.rows(_GRANT, values)
    buyer = await held.tx.one(_BUYER, {"order_id": held.id})
    if buyer and buyer["email"]:
        to = Recipient(buyer["subject_id"], "email", buyer["email"], buyer["locale"])
        await notifications.send(held.tx, "downloads_ready", to, {"number": buyer["number"]})


async def renew(tx: Tx, order_id: UUID, line_id: UUID, actor: Actor) -> None:
    """Count the days and downloads of a line anew, from now on.

    Raises:
        OrderNotFound, DownloadNotFound.
    """
    held = await hold(tx, order_id)
    if await tx.one(_RENEW, {"order_id": order_id, "line_id": line_id, "at": clock.now()}) is None:
        raise DownloadNotFound
    await enter(held, "downloads_renewed", actor, line_id=line_id)


async def page(tx: Tx, shopper: Shopper, before: UUID | None, limit: int) -> list[tuple[UUID, DownloadOut]]:
    """What a shopper has bought to be downloaded, the latest first."""
    values = {**whose(shopper), "before": before, "limit": limit, "now": clock.now()}
    return [(row["id"], _read(row)) for row in await tx.rows(_PAGE, values)]


async def of_order(tx: Tx, order_id: UUID, *, owner: Shopper | None = None) -> list[DownloadOut]:
    """What can be downloaded of an order; nothing of one that is not the owner's."""
    values = {**whose(owner), "order_id": order_id, "now": clock.now()}
    return [_read(row) for row in await tx.rows(_OF_ORDER, values)]


async def begin(tx: Tx, shopper: Shopper, ids: tuple[UUID, UUID, UUID], *, goes_on: bool) -> Kept:
    """A file that a shopper bought, by the ids of the order, the line and its own; counted, unless they `go on` with a
    download that began lately and was broken off.

    Raises:
        DownloadNotFound, DownloadExpired, DownloadWithdrawn, DownloadLimitReached.
    """
    order_id, line_id, file_id = ids
    await in_turn(tx, f"{line_id}:{file_id}", seed=_TURNS)
    asked = {"order_id": order_id, "line_id": line_id, "file_id": file_id, "lately": clock.now() - GOING_ON}
    row = await tx.one(_WANTED, {**whose(shopper), **asked, "now": clock.now()})
    if row is None:
        raise DownloadNotFound
    is_new = not (goes_on and row["lately"])
    _require(row, is_new=is_new)
    if is_new:
        values = {"right_id": row["right_id"], "file_id": file_id, "version": row["version"]}
        await tx.rows(_BEGIN, {"id": new_id(), "at": clock.now(), **values})
    return Kept.model_validate({name: row[name] for name in Kept.model_fields})


def _require(row: Mapping[str, Any], *, is_new: bool) -> None:
    if row["state"] == "withdrawn":
        raise DownloadWithdrawn
    if row["state"] == "expired":
        raise DownloadExpired
    limit = row["download_limit"]
    if is_new and limit is not None and row["times"] >= limit:
        raise DownloadLimitReached(limit=limit)


def _read(row: Mapping[str, Any]) -> DownloadOut:
    return DownloadOut.model_validate(orjson.loads(row["document"]))
