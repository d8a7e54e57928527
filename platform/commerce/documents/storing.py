"""PDFs in the object store, so that each is rendered once; without one they are rendered each time, alike."""

from __future__ import annotations

import asyncio
from uuid import UUID

from commerce.documents import rendering
from commerce.documents.service import Written
from foundation.settings import Settings


async def pdf(settings: Settings, tenant_id: UUID, written: Written) -> bytes:
    """An invoice or a credit note. Call it outside any transaction."""
    return await asyncio.to_thread(_pdf, settings, tenant_id, written)


def _pdf(settings: Settings, tenant_id: UUID, written: Written) -> bytes:
    if settings.objects_url is None:
        return rendering.invoice(written)
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(settings.objects_url)
    path = f"{root}/tenants/{tenant_id}/documents/{written.document.id}.pdf"
    try:
        kept: bytes = store.cat_file(path)
    except FileNotFoundError:
        kept = rendering.invoice(written)
        store.makedirs(path.rpartition("/")[0], exist_ok=True)
        with store.transaction, store.open(path, "wb") as target:  # whole or not at all
            target.write(kept)
    return kept
