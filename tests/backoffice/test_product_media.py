"""The page of what a product shows: pictures brought by a form, described, put in order, agreed to and taken away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from foundation import objects
from tests.backoffice.pictures import picture
from tests.commerce.test_products import Shelf
from tests.studio import Studio, thirds

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.access.team import Team
    from tests.factories import SeededShop

Json = dict[str, Any]


@pytest.fixture
async def studio(app: Any, admin: httpx.AsyncClient, grocer: SeededShop, tmp_path: Path) -> Studio:
    """Whoever brings pictures of a product in the shop, by its pages."""
    sold = grocer.products[0]
    product = await Shelf(admin).read({"id": str(sold.product_id)})
    return Studio(app, admin, grocer, tmp_path / "objects", product=product)


def _at(studio: Studio) -> str:
    return f"/back-office/products/{studio.product['id']}/media"


async def _there(studio: Studio) -> list[Json]:
    items: list[Json] = (await studio.ask("GET"))["items"]
    return items


def _sent(*bodies: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("pictures", (f"{place}.png", body, "image/png")) for place, body in enumerate(bodies)]


def _code(page: httpx.Response) -> str | None:
    found = re.search(r'data-problem="([^"]+)"', page.text)
    return found[1] if found else None


async def test_pictures_are_brought_described_put_in_order_and_taken_away(studio: Studio) -> None:
    http, at = studio.http, _at(studio)
    both = await http.post(f"{at}/uploads", data={"alt": "Stripes"}, files=_sent(thirds(), thirds(size=(90, 200))))
    assert (both.status_code, both.headers["location"]) == (303, at), both.text
    page = (await http.get(at)).text
    assert page.count('data-state="making"') == 2
    assert 'data-goes-on="1"' in page
    assert await studio.make() == 2
    page = (await http.get(at)).text
    assert page.count('data-state="ready"') == 2
    assert 'data-goes-on="0"' in page
    assert "Squares of 90 pixels" in page
    assert "Each as AVIF and WEBP" in page

    wide, tall = await _there(studio)
    moved = await http.post(f"{at}/{tall['id']}/place", data={"place": "0"})
    assert moved.status_code == 303
    assert [one["id"] for one in await _there(studio)] == [tall["id"], wide["id"]]
    variant = studio.product["variants"][0]["id"]
    said = {"alt": "Three stripes", "variant_id": variant, "focal_x": "0", "focal_y": "10"}
    assert (await http.post(f"{at}/{wide['id']}", data=said)).status_code == 303
    changed = (await _there(studio))[1]
    assert (changed["alt"], changed["variant_id"], changed["focal"]) == ("Three stripes", variant, {"x": 0, "y": 10})
    assert changed["pictures"][0]["status"] == "waiting", "its squares are cut anew"
    unasked = {name: value for name, value in said.items() if name != "variant_id"}
    assert (await http.post(f"{at}/{wide['id']}", data=unasked)).status_code == 303
    assert (await _there(studio))[1]["variant_id"] == variant
    for wrong, code in (({"alt": " "}, "media.alt_required"), ({"focal_x": "101"}, "request.invalid_fields")):
        refused = await http.post(f"{at}/{wide['id']}", data=said | wrong)
        assert (refused.status_code, _code(refused)) == (422, code)
        assert f'id="m-{wide["id"]}-{next(iter(wrong))}-fault"' in refused.text

    assert (await http.post(f"{at}/{tall['id']}/removal", data={})).status_code == 303
    assert [one["id"] for one in await _there(studio)] == [wide["id"]]
    product_page = (await http.get(at.removesuffix("/media"))).text
    assert f'href="{at}"' in product_page
    assert "Three stripes" in product_page


async def test_of_several_none_is_kept_where_one_is_wrong(studio: Studio) -> None:
    http, at = studio.http, _at(studio)
    for data, bodies, code, field in (
        ({"alt": ""}, [thirds()], "media.alt_required", "bring-alt"),
        ({}, [thirds()], "request.invalid_fields", "bring-alt"),
        ({"alt": ["a", "b"]}, [thirds(), thirds(), thirds()], "request.invalid_fields", "bring-alt"),
        ({"alt": "x"}, [thirds(), b"no picture"], "media.wrong_type", None),
        ({"alt": "x"}, [thirds(), picture("PNG")[:60]], "media.broken_picture", None),
        ({"alt": "x"}, [b"<svg onload=x>"], "media.svg_refused", None),
        ({"alt": "x"}, [], "request.invalid_fields", "bring-pictures"),
        ({"alt": "x"}, [thirds()] * 21, "request.invalid_fields", "bring-pictures"),
        ({"alt": "x", "approved": "1"}, [thirds()], "request.invalid_fields", None),
    ):
        files = _sent(*bodies) or [("pictures", ("", b"", "application/octet-stream"))]
        refused = await http.post(f"{at}/uploads", data=data, files=files)
        assert (refused.status_code // 100, _code(refused)) == (4, code), (data, refused.status_code)
        assert field is None or f'id="{field}-fault"' in refused.text, field
    assert await _there(studio) == []
    words = await http.post(f"{at}/uploads", data={"alt": ["Front", "Back"]}, files=_sent(thirds(), thirds()))
    assert words.status_code == 303
    assert [one["alt"] for one in await _there(studio)] == ["Front", "Back"]


async def test_sets_videos_and_addresses(studio: Studio) -> None:
    http, at = studio.http, _at(studio)
    assert (await http.post(f"{at}/sets", data={"alt": "All round"}, files=_sent(thirds()))).status_code == 303
    (spin,) = await _there(studio)
    assert "It is shown once it has two frames." in (await http.get(at)).text
    more = await http.post(f"{at}/{spin['id']}/pictures", files=_sent(thirds(), thirds()))
    assert more.status_code == 303, more.text
    assert len((await _there(studio))[0]["pictures"]) == 3

    video = {"url": "https://youtu.be/dQw4w9WgXcQ", "alt": "On a table", "poster_url": ""}
    assert (await http.post(f"{at}/videos", data=video)).status_code == 303
    refused = await http.post(f"{at}/videos", data=video | {"url": "https://videos.example/1"})
    assert (refused.status_code, _code(refused)) == (422, "media.video_refused")
    assert 'id="videos-url-fault"' in refused.text
    film = (await _there(studio))[1]
    two = await http.post(f"{at}/{film['id']}/pictures", files=_sent(thirds(), thirds()))
    assert (two.status_code, _code(two)) == (409, "media.too_many")
    assert (await http.post(f"{at}/{film['id']}/pictures", files=_sent(thirds()))).status_code == 303

    for inside in ("http://127.0.0.1:9/x.png", "http://169.254.169.254/latest"):
        refused = await http.post(f"{at}/fetched", data={"url": inside, "alt": "x"})
        assert (refused.status_code, _code(refused)) == (422, "outbound.address_refused")
        assert 'id="fetched-url-fault"' in refused.text
    assert [one["kind"] for one in await _there(studio)] == ["spin", "video"]


async def test_why_a_picture_failed_is_told_and_it_is_tried_again(studio: Studio) -> None:
    http, at = studio.http, _at(studio)
    await http.post(f"{at}/uploads", data={"alt": "Stripes"}, files=_sent(thirds()))
    (kept,) = studio.files
    body = (studio.folder / kept).read_bytes()
    (studio.folder / kept).unlink()
    assert await studio.make() == 3, "as often as it is tried"
    page = (await http.get(at)).text
    assert 'data-state="failed"' in page
    assert "not in the object store any more" in page
    (one,) = await _there(studio)
    assert (one["pictures"][0]["status"], one["pictures"][0]["fault"]) == ("failed", "lost")

    objects.put(f"file://{studio.folder}", objects.ObjectPath(kept), body)
    assert (await http.post(f"{at}/{one['id']}/retries", data={})).status_code == 303
    assert await studio.make() == 1
    (one,) = await _there(studio)
    assert (one["pictures"][0]["status"], one["pictures"][0]["fault"]) == ("ready", None)


async def test_who_may_not_publish_proposes_and_who_may_not_write_looks(
    studio: Studio, team: Team, analyst: httpx.AsyncClient
) -> None:
    clerk = await team.browser(await team.clerk("catalog:read", "catalog:write"))
    clerk.headers.update(studio.http.headers)
    at = _at(studio)
    await studio.http.post(f"{at}/uploads", data={"alt": "Shown"}, files=_sent(thirds()))
    assert (await clerk.post(f"{at}/uploads", data={"alt": "Meant"}, files=_sent(thirds()))).status_code == 303
    first, meant = await _there(studio)
    assert (first["approved"], meant["approved"]) == (True, False)
    refused = await clerk.post(f"{at}/{first['id']}/removal", data={})
    assert (refused.status_code, _code(refused)) == (409, "media.review_needed")
    assert (await clerk.post(f"{at}/{meant['id']}/approval", data={})).status_code == 403
    assert "Agree to it" not in (await clerk.get(at)).text
    queue = "/back-office/products?status=in_review"
    assert "Pictures to review" in (await studio.http.get(queue)).text
    assert (await studio.http.post(f"{at}/{meant['id']}/approval", data={})).status_code == 303
    assert [one["approved"] for one in await _there(studio)] == [True, True]
    assert "Pictures to review" not in (await studio.http.get(queue)).text
    looking = await analyst.get(at)
    assert looking.status_code == 200
    assert "<form" not in looking.text.partition("<main")[2]
    assert (await analyst.post(f"{at}/uploads", data={"alt": "x"}, files=_sent(thirds()))).status_code == 403
