"""Search by picture in the shop: what the decision service is shown of it, what comes back, and what when nothing does."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from commerce.app import create_app
from commerce.catalog.schemas import ProductCard
from commerce.visual_search.schemas import LooksOut
from foundation.ids import new_id
from foundation.settings import Settings
from tests.deciding import Service, shop_asking
from tests.factories import SeededShop
from tests.studio import thirds

DECISION = new_id()
ORIENTATION = 0x0112


def decided(items: Sequence[UUID], **given: Any) -> httpx.Response:
    told = {"decision_id": str(DECISION), "policy": "looks", "fallback": None, "fallback_reason": None, **given}
    found = [{"product_id": str(one), "score": 0.9, "source": "picture"} for one in items]
    return httpx.Response(200, json={**told, "items": found})


class Seeing(Service):
    """A decision service that looks at pictures."""

    @property
    def seen(self) -> Image.Image:
        """The last picture that it was shown."""
        return Image.open(io.BytesIO(base64.b64decode(self.asked[-1]["picture"])), formats=("JPEG",))


@pytest.fixture
def service() -> Seeing:
    return Seeing("visual")


@pytest.fixture
async def http(settings: Settings, grocer: SeededShop, service: Seeing) -> AsyncIterator[httpx.AsyncClient]:
    async with shop_asking(create_app(settings), grocer, service) as http:
        yield http


async def send(http: httpx.AsyncClient, body: bytes, **fields: Any) -> httpx.Response:
    return await http.post("/v1/store/search/image", files={"picture": ("it.jpg", body, "image/jpeg")}, data=fields)


async def found(http: httpx.AsyncClient, body: bytes, **fields: Any) -> LooksOut:
    response = await send(http, body, **fields)
    assert response.status_code == 200, response.text
    return LooksOut.model_validate_json(response.content)


def ids(items: Sequence[ProductCard]) -> list[UUID]:
    return [card.id for card in items]


def colour(picture: Image.Image, x: float, y: float = 0.5) -> str:
    pixel = picture.convert("RGB").getpixel((int(x * picture.width), int(y * picture.height)))
    assert isinstance(pixel, tuple)
    return "rgb"[max(range(3), key=lambda channel: pixel[channel])]


async def test_products_come_in_the_services_order_with_prices(
    http: httpx.AsyncClient, service: Seeing, grocer: SeededShop
) -> None:
    wanted = [sold.product_id for sold in reversed(grocer.products[:3])]
    service.answer = decided([*wanted, new_id()])
    looks = await found(http, thirds(size=(900, 300)), limit=5)
    assert ids(looks.items) == wanted
    assert (looks.decision_id, looks.fallback) == (DECISION, None)
    asked = service.asked[0]
    assert (asked["tenant_id"], asked["query"], asked["limit"]) == (str(grocer.id), None, 5)
    assert (service.seen.size, dict(service.seen.getexif())) == ((448, 149), {})
    assert [colour(service.seen, at) for at in (0.2, 0.5, 0.8)] == list("rgb")


async def test_the_part_that_is_meant_is_looked_at_upright_with_the_words(
    http: httpx.AsyncClient, service: Seeing, grocer: SeededShop
) -> None:
    service.answer = decided([grocer.products[0].product_id])
    await found(http, thirds(size=(900, 300)), x="0.7", y=0, width="0.25", height=1, query=" soup ")
    assert service.asked[0]["query"] == "soup"
    assert {colour(service.seen, at) for at in (0.1, 0.5, 0.9)} == {"b"}

    # Taken with the camera on its side: what was its right is its top.
    lying = Image.open(io.BytesIO(thirds(size=(900, 300))))
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    taken = io.BytesIO()
    lying.save(taken, "JPEG", exif=exif, quality=95)
    await found(http, taken.getvalue(), x=0, y=0, width=1, height="0.3")
    assert {colour(service.seen, 0.5, at) for at in (0.1, 0.5, 0.9)} == {"b"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(500), "service_unreachable"),
        (decided([], fallback="popular", fallback_reason="no_index", policy="popular"), "no_index"),
    ],
)
async def test_without_an_answer_what_sells_is_shown_and_why(
    http: httpx.AsyncClient, service: Seeing, answer: httpx.Response, reason: str
) -> None:
    service.answer = answer
    looks = await found(http, thirds(), limit=4)
    assert (looks.fallback, looks.fallback_reason, len(looks.items)) == ("popular", reason, 4)


async def test_without_an_answer_the_words_find_what_they_can(http: httpx.AsyncClient) -> None:
    looks = await found(http, thirds(), query="soup")
    assert (looks.fallback, [card.title for card in looks.items]) == ("full_text", ["Tomato soup"])


async def test_more_like_a_product_are_others(http: httpx.AsyncClient, service: Seeing, grocer: SeededShop) -> None:
    one, other = grocer.products[0], grocer.products[1]
    service.answer = decided([other.product_id])
    for key in (one.handle, str(one.product_id)):
        answer = await http.get(f"/v1/store/products/{key}/alike")
        assert ids(LooksOut.model_validate_json(answer.content).items) == [other.product_id]
    assert [asked["product_id"] for asked in service.asked] == [str(one.product_id)] * 2

    service.answer = httpx.Response(500)
    answer = await http.get(f"/v1/store/products/{one.handle}/alike", params={"limit": 3})
    looks = LooksOut.model_validate_json(answer.content)
    assert (looks.fallback, len(looks.items), one.product_id in ids(looks.items)) == ("category", 3, False)

    missing = await http.get(f"/v1/store/products/{new_id()}/alike")
    assert missing.json()["code"] == "catalog.product_not_found"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "fields", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", {}, 415, "media.svg_refused"),
        (b"GIF89a", {}, 415, "media.wrong_type"),
        (thirds()[:200], {}, 422, "media.broken_picture"),
        (thirds(), {"x": 0.1}, 422, "request.invalid_fields"),
        (thirds(), {"x": 0.6, "y": 0, "width": 0.5, "height": 1}, 422, "request.invalid_fields"),
        (thirds(), {"x": 0, "y": 0, "width": 0.001, "height": 1}, 422, "request.invalid_fields"),
        (thirds(), {"x": "nan", "y": 0, "width": 1, "height": 1}, 422, "request.invalid_fields"),
        (thirds(), {"query": "a\x00b"}, 422, "request.invalid_fields"),
        (thirds(), {"colour": "red"}, 422, "request.invalid_fields"),
        (bytes(9 * 2**20), {}, 413, "request.body_too_large"),
    ],
)
async def test_what_is_no_picture_or_no_part_of_one_is_refused_before_anybody_is_asked(
    http: httpx.AsyncClient, service: Seeing, body: bytes, fields: dict[str, Any], status: int, code: str
) -> None:
    response = await send(http, body, **fields)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert service.asked == []
