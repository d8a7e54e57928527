"""Pictures: photographs from the object store, and drawings for products that have none."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path as File
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.catalog import service as catalog
from commerce.catalog.schemas import ProductDetail
from commerce.http import Core, CoreDep, ShopDep
from commerce.logos import service as logos
from commerce.policies import areas
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.access import ANYONE, needs
from foundation.errors import NotFound
from foundation.naming import ObjectPath, picture_path
from foundation.settings import Settings
from storefront import artwork

_FOREVER = "public, max-age=31536000, immutable"
# No segment starts with a dot, so none leads out of the folder.
_SEGMENT = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,200}$", re.ASCII)
_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

router = APIRouter(route_class=areas.within(areas.BROWSING))
Mark = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
"""What a logo is kept under."""


class ImageNotFound(NotFound):
    """There is no such picture."""

    code = "storefront.image_not_found"


@cache
def drawing_version() -> str:
    """Changes with the code that draws, so that a browser may keep each drawing for good."""
    code = b"".join(file.read_bytes() for file in sorted(File(__file__).parent.glob("*.py")))
    return hashlib.blake2b(code, digest_size=4).hexdigest()


def address(image: str | None, product_id: UUID) -> str:
    """Where a product's picture is."""
    return f"/images/objects/{image}" if image else f"/images/products/{product_id}.svg?v={drawing_version()}"


@router.get("/images/products/{product_id}.svg")
@needs(ANYONE)
async def drawing(request: Request, core: CoreDep, shop: ShopDep, product_id: Annotated[UUID, Path()]) -> Response:
    """The drawing of a product."""
    own = replace(shop, language=None)  # whoever keeps the picture does so for every language
    shown = await catalog.product(core.database, own, str(product_id))
    detail = ProductDetail.model_validate_json(shown.body)
    body = _drawn(detail.id, detail.title, tuple(above.name for above in detail.breadcrumbs))
    return _picture(request, body, "image/svg+xml")


@router.get("/images/objects/{key:path}")
@needs(ANYONE)
async def photograph(
    request: Request, core: CoreDep, shop: ShopDep, key: Annotated[str, Path(max_length=500)]
) -> Response:
    """A photograph from the object store: only pictures, only of this shop's products."""
    media_type = _TYPES.get(key.rpartition(".")[2].lower())
    within, _, below = key.partition(f"{picture_path(shop.slug)}/")
    segments = below.split("/")
    if media_type is None or within or not all(_SEGMENT.match(segment) for segment in segments):
        raise ImageNotFound
    path = picture_path(shop.slug, *segments)
    return _picture(request, await asyncio.to_thread(_read, core.settings, path), media_type)


@router.get("/shop/logo/{mark}.png")
@needs(ANYONE)
async def logo(request: Request, core: CoreDep, shop: ShopDep, mark: Mark) -> Response:
    """A logo that the shop has or had."""
    return await _logo(request, core, shop, mark, "logo")


@router.get("/shop/icon/{mark}.png")
@needs(ANYONE)
async def icon(request: Request, core: CoreDep, shop: ShopDep, mark: Mark) -> Response:
    """The icon made of a logo."""
    return await _logo(request, core, shop, mark, "icon")


async def _logo(request: Request, core: Core, shop: Shop, mark: str, part: logos.Part) -> Response:
    body = await logos.load(core.settings, shop.id, mark, part)
    if body is None:
        raise ImageNotFound
    return _picture(request, body, "image/png")


@lru_cache(maxsize=4096)
def _drawn(product_id: UUID, title: str, category_path: tuple[str, ...]) -> bytes:
    svg: str = artwork.draw(product_id, title, category_path)
    return svg.encode()


def _read(settings: Settings, key: ObjectPath) -> bytes:
    if settings.objects_url is None:
        raise ImageNotFound
    try:
        body = objects.get(settings.objects_url, key)
    except OSError as error:
        raise ImageNotFound from error
    if body is None:
        raise ImageNotFound
    return body


def _picture(request: Request, body: bytes, media_type: str) -> Response:
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": _FOREVER, "Content-Security-Policy": _SANDBOX}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
