"""Whoever brings pictures of a product for tests, with the worker and the object store at hand."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

from PIL import Image

from commerce.catalog.schemas import ProductDetail
from commerce.media import leftovers, working
from commerce.tenancy.service import Shop

if TYPE_CHECKING:
    import httpx

    from tests.factories import SeededShop

Json = dict[str, Any]
RED, GREEN, BLUE = (200, 30, 30), (30, 160, 30), (30, 30, 200)


def thirds(*, size: tuple[int, int] = (300, 100), kind: str = "PNG", exif: Image.Exif | None = None) -> bytes:
    """A picture that is red to the left, green in the middle and blue to the right."""
    width, height = size
    picture = Image.new("RGB", size, GREEN)
    picture.paste(RED, (0, 0, width // 3, height))
    picture.paste(BLUE, (width - width // 3, 0, width, height))
    written = io.BytesIO()
    picture.save(written, kind, exif=exif or Image.Exif())
    return written.getvalue()


@dataclass
class Studio:
    """Whoever brings pictures of a product, with the worker and the object store at hand."""

    app: Any
    http: httpx.AsyncClient
    seeded: SeededShop
    folder: Path
    area: str = "admin"
    product: Json = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/v1/{self.area}/products/{self.product['id']}/media"

    @property
    def files(self) -> list[str]:
        """Every file of pictures in the object store."""
        return sorted(str(one.relative_to(self.folder)) for one in self.folder.rglob("*") if one.is_file())

    async def ask(self, method: str, path: str = "", body: object = None, status: int = 200) -> Json:
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await self.http.request(method, f"{self.path}{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else {}

    async def send(self, body: bytes, path: str = "/uploads", status: int = 201, **said: object) -> Json:
        query = {} if path.endswith("/pictures") else {"alt": "Three stripes", **said}
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "image/png"}
        answer = await self.http.post(f"{self.path}{path}?{urlencode(query)}", content=body, headers=headers)
        assert answer.status_code == status, answer.text
        found: Json = answer.json()
        return found

    async def shop(self) -> Shop:
        found: Shop = await self.app.state.core.directory.found(self.seeded.host)
        return found

    async def make(self) -> int:
        """Everything that waits for the worker; how many pictures that were."""
        core, made = self.app.state.core, 0
        while await working.see_to(core.database, core.settings, await self.shop()):
            made += 1
        return made

    async def sweep(self) -> int:
        return await leftovers.sweep(self.app.state.core.database, self.app.state.core.settings, await self.shop())

    async def shown(self) -> ProductDetail:
        answer = await self.http.get(f"/v1/store/products/{self.product['handle']}")
        return ProductDetail.model_validate_json(answer.raise_for_status().content)

    def read(self, address: str) -> bytes:
        """What the storefront would give at an address."""
        return (self.folder / address.removeprefix("/images/objects/")).read_bytes()
