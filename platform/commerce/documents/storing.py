"""PDFs in the object store, so that each is rendered once; without one they are rendered each time, alike.

A file says what the paper says, so it is sealed by the key of the paper: it can be read as long as that can, whoever
is forgotten meanwhile, and by nobody after. A file from before files were sealed is written anew as it is asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from commerce.documents import rendering
from commerce.documents.service import Written
from commerce.logos import service as logos
from foundation import objects, sealing
from foundation.database import Tx
from foundation.naming import object_path
from foundation.sealing import Unreadable
from foundation.settings import Settings

FOLDER = "documents"
_FILE = re.compile(rf"/{FOLDER}/([0-9a-f-]{{36}})\.pdf$")


async def pdf(settings: Settings, tenant_id: UUID, written: Written) -> bytes:
    """An invoice or a credit note, with the logo that the shop had then. Call it outside any transaction."""
    url, key, document_id = settings.objects_url, written.key, written.document.id
    if url is None:
        return await asyncio.to_thread(rendering.invoice, written)
    path = object_path(tenant_id, FOLDER, f"{document_id}.pdf")
    sealed = await asyncio.to_thread(objects.get, url, path) if key is not None else None
    if key is not None and sealed is not None and (kept := _opened(key, tenant_id, document_id, sealed)) is not None:
        return kept
    logo = await logos.load(settings, tenant_id, written.data.get("logo"))
    body = await asyncio.to_thread(rendering.invoice, written, logo)
    if key is not None:
        sealed = sealing.encrypted_by(key, tenant_id, document_id, body)
        await asyncio.to_thread(objects.put, url, path, sealed)
    return body


async def keys_of(tx: Tx, paths: Sequence[str]) -> Mapping[str, bytes]:
    """What those of these files are sealed by that are papers whose time is not over."""
    ids = {path: UUID(found[1]) for path in paths if (found := _FILE.search(path))}
    keys = await sealing.keys_of(tx, list(ids.values()))
    return {path: keys[document_id] for path, document_id in ids.items() if document_id in keys}


def opened(tenant_id: UUID, path: str, stored: bytes, key: bytes) -> bytes:
    """The file at a path as it was rendered."""
    found = _FILE.search(path)
    return (_opened(key, tenant_id, UUID(found[1]), stored) if found else None) or stored


def _opened(key: bytes, tenant_id: UUID, document_id: UUID, stored: bytes) -> bytes | None:
    """Nothing, of one that is not sealed by this key."""
    try:
        return sealing.decrypted_by(key, tenant_id, document_id, stored)
    except Unreadable:
        return None
