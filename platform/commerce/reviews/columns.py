"""Rows of reviews, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from commerce.reviews.schemas import AnswerOut, OwnReview, Reviewed, ReviewOut, StaffReview, VendorReview

SHOWN = """
    r.id, r.rating, r.title, r.body, r.author, r.locale, r.verified, r.helpful, r.written_at, r.edited_at, r.answer,
    r.answered_at, a.name AS vendor_name
"""
"""What everybody reads of a review `r`, with `ANSWERED`."""
ANSWERED = "LEFT JOIN vendor a ON (a.tenant_id, a.id) = (r.tenant_id, r.answered_by)"
OWN = f"""
    {SHOWN}, r.product_id, p.handle, p.title AS product_title, r.status, r.holds, r.reason, r.note, r.version,
    r.customer_id, r.answered_by
"""
"""What its author reads, too, with `ANSWERED` and `OF_PRODUCT`."""
OF_PRODUCT = "JOIN product p ON (p.tenant_id, p.id) = (r.tenant_id, r.product_id)"


def shown(row: Mapping[str, Any], seller: str) -> ReviewOut:
    """A review as everybody reads it; `seller` is the shop's name."""
    return ReviewOut(**_shown(row, seller))


def own(row: Mapping[str, Any], seller: str) -> OwnReview:
    """A review as its author sees it."""
    return OwnReview(**_own(row, seller))


def for_staff(row: Mapping[str, Any], seller: str, reports: Mapping[str, int]) -> StaffReview:
    """A review as staff see it."""
    return StaffReview(**_own(row, seller), customer_id=row["customer_id"], reports=dict(reports))


def for_vendor(row: Mapping[str, Any], seller: str, vendor_id: UUID) -> VendorReview:
    """A review as the vendor of the product sees it."""
    answerable = row["answer"] is None or row["answered_by"] == vendor_id
    return VendorReview(**_shown(row, seller), product=_product(row), answerable=answerable)


def _own(row: Mapping[str, Any], seller: str) -> dict[str, Any]:
    said = {name: row[name] for name in ("status", "holds", "reason", "note", "version")}
    return {**_shown(row, seller), **said, "product": _product(row)}


def _product(row: Mapping[str, Any]) -> Reviewed:
    return Reviewed(id=row["product_id"], handle=row["handle"], title=row["product_title"])


def _shown(row: Mapping[str, Any], seller: str) -> dict[str, Any]:
    said = {name: row[name] for name in ReviewOut.model_fields if name != "answer"}
    answer = None
    if row["answer"] is not None:
        answer = AnswerOut(answer=row["answer"], by=row["vendor_name"] or seller, answered_at=row["answered_at"])
    return {**said, "answer": answer}
