"""PDFs in the object store, so that each is rendered once; without one they are rendered each time, alike."""

from __future__ import annotations

import asyncio
from uuid import UUID

from commerce.documents import rendering
from commerce.documents.service import Written
from commerce.logos import service as logos
from foundation import objects
from foundation.naming import object_path
from foundation.settings import Settings


async def pdf(settings: Settings, tenant_id: UUID, written: Written) -> bytes:
    """An invoice or a credit note, with the logo that the shop had then. Call it outside any transaction."""
    url, path = settings.objects_url, object_path(tenant_id, "documents", f"{written.document.id}.pdf")
    if url is None:
        return await asyncio.to_thread(rendering.invoice, written)
    kept = await asyncio.to_thread(objects.get, url, path)
    if kept is None:
        logo = await logos.load(settings, tenant_id, written.data.get("logo"))
        kept = await asyncio.to_thread(rendering.invoice, written, logo)
        await asyncio.to_thread(objects.put, url, path, kept)
    return kept
