"""A shop's logo: what is taken and what is refused, where it shows, and how it goes back."""

from __future__ import annotations

import asyncio
import io
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from commerce.logos import service as logos
from commerce.notifications.carriers import LOGO_AT, Letterhead, Smtp
from commerce.notifications.rendering import rendered
from commerce.tenancy.service import Shop
from foundation.ids import new_id
from tests.access.team import Team
from tests.backoffice.pictures import SECRET, bomb, picture, with_secrets
from tests.factories import SeededShop, seed_shop
from tradewind.engines.mailbox.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import DatabaseUrls

LOGO = "/v1/admin/branding/logo"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'


async def _has(client: httpx.AsyncClient) -> str | None:
    read = (await client.get("/v1/admin/configuration")).json()
    logo: str | None = read["configuration"]["theme"]["logo"]
    return logo


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_logo_is_made_anew_and_nothing_else_of_the_file_is_kept(team: Team, kind: str) -> None:
    client = await team.key()
    upload = with_secrets(kind)
    assert SECRET in upload, "the picture of this test carries what must not be kept"

    answer = await client.put(LOGO, content=upload)

    assert answer.status_code == 200, answer.text
    address = answer.json()["logo"]
    for path in (address, address.replace("/logo/", "/icon/")):
        shown = await (await team.door()).get(path)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
        assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in shown.headers["content-security-policy"]
        assert SECRET not in shown.content
        with Image.open(io.BytesIO(shown.content)) as kept:
            assert kept.format == "PNG"
            assert not kept.info.keys() & {"exif", "icc_profile", "Comment", "comment", "xmp"}


@pytest.mark.one_database
@pytest.mark.parametrize(
    "upload",
    [
        b"",
        SVG,
        b"<?xml version='1.0'?>" + SVG,
        b"<html><script>alert(1)</script></html>",
        picture("GIF"),
        picture("BMP"),
        picture("TIFF"),
        picture()[:60],
        picture()[:-30],
        b"\xff\xd8\xff\xe0" + bytes(100),
        bomb(),
        bomb(65_000, 65_000),
        bomb(16_000_001, 1),
        picture() + bytes(logos.MAX_BYTES),
    ],
    ids=[
        "nothing",
        "svg",
        "xml",
        "html",
        "gif",
        "bmp",
        "tiff",
        "head",
        "truncated",
        "false jpeg",
        "bomb",
        "larger bomb",
        "wide bomb",
        "too large",
    ],
)
async def test_what_is_no_picture_or_a_bomb_is_refused(team: Team, upload: bytes) -> None:
    client = await team.key()

    refused = await client.put(LOGO, content=upload)

    assert (refused.status_code, refused.json()["code"]) == (415, "logos.not_a_logo")
    assert await _has(client) is None


async def test_a_file_that_is_a_picture_and_a_page_is_kept_as_a_picture_alone(team: Team) -> None:
    client = await team.key()
    answer = await client.put(LOGO, content=picture() + b"<script>alert(1)</script>PK\x03\x04")
    shown = await client.get(answer.json()["logo"])
    assert b"script" not in shown.content


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "L"), ("PNG", "I;16"), ("PNG", "1"), ("JPEG", "CMYK"), ("WEBP", "RGBA")]
)
def test_every_kind_of_pixels_is_read(kind: str, mode: str) -> None:
    made = logos.read(picture(kind, (2_000, 200), mode, colour=(1, 2, 3, 4) if mode in {"RGBA", "CMYK"} else 1))
    with Image.open(io.BytesIO(made.png)) as kept, Image.open(io.BytesIO(made.icon)) as icon:
        assert kept.size == (640, 64)
        assert icon.size == (logos.ICON, logos.ICON)


def test_the_same_picture_has_the_same_address() -> None:
    assert logos.read(picture()).mark == logos.read(with_secrets("PNG")).mark


async def test_pages_show_the_logo_and_after_it_the_name_and_after_a_revert_the_logo(team: Team) -> None:
    client, door = await team.key(), await team.door()
    put = (await client.put(LOGO, content=picture())).json()
    browser = await team.browser(await team.hire("admin"))
    for shown in (await door.get("/"), await door.get("/sign-in"), await browser.get("/back-office")):
        assert f'<img src="{put["logo"]}" alt="Grocer"' in shown.text
        assert f'<link rel="icon" href="{put["logo"].replace("/logo/", "/icon/")}"' in shown.text

    gone = (await client.delete(LOGO)).json()

    assert gone["logo"] is None
    assert "/shop/logo/" not in (await door.get("/")).text
    history = (await client.get("/v1/admin/configuration/history")).json()["items"]
    assert [change["note"] for change in history[:2]] == ["No logo", "New logo"]
    back = {"to": put["version"], "version": gone["version"]}
    assert (await client.post("/v1/admin/configuration/reverts", json=back)).status_code == 200
    assert put["logo"] in (await door.get("/")).text
    assert (await door.get(put["logo"])).status_code == 200


async def test_another_shop_does_not_have_the_logo(team: Team, database_urls: DatabaseUrls) -> None:
    address = (await (await team.key()).put(LOGO, content=picture())).json()["logo"]
    other = seed_shop(database_urls, "fashion")
    elsewhere = await (await team.door()).get(address, headers={"Host": other.host})
    assert elsewhere.status_code == 404


@pytest.mark.parametrize("path", ["/shop/logo/../x.png", "/shop/logo/" + "0" * 32 + ".png", "/shop/icon/ABC.png"])
async def test_there_is_no_other_file_to_be_had(team: Team, path: str) -> None:
    assert (await (await team.door()).get(path)).status_code in {404, 422}


async def test_only_who_may_set_the_shop_up_changes_it(team: Team) -> None:
    analyst = (await team.hire("analyst")).http
    refused = [await analyst.put(LOGO, content=picture()), await analyst.delete(LOGO)]
    refused.append(await (await team.door()).put(LOGO, content=picture()))
    assert [answer.status_code for answer in refused] == [403, 403, 401]


async def test_of_two_at_once_both_are_in_the_history_or_one_is_told(team: Team) -> None:
    client = await team.key()
    answers = await asyncio.gather(
        *(client.put(LOGO, content=picture(colour=colour)) for colour in (0x111111, 0x222222, 0x333333))
    )
    kept = [answer.json()["logo"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await _has(client) in kept
    history = (await client.get("/v1/admin/configuration/history")).json()["items"]
    assert sum(change["note"] == "New logo" for change in history) == len(kept)


async def test_a_change_of_the_logo_leaves_the_rest_as_it_is(team: Team) -> None:
    client = await team.key()
    read = (await client.get("/v1/admin/configuration")).json()
    accented = read | {"configuration": read["configuration"] | {"theme": {"accent": "#123456"}}}
    assert (await client.put("/v1/admin/configuration", json=accented)).status_code == 200
    await client.put(LOGO, content=picture())
    await client.delete(LOGO)
    after = (await client.get("/v1/admin/configuration")).json()["configuration"]
    assert after["theme"] == {"accent": "#123456", "logo": None}


def test_a_mail_brings_the_logo_along_and_the_mailbox_shows_it(tmp_path: Path) -> None:
    png = logos.read(picture()).png
    shop = Shop(new_id(), "grocer", "Grocer", "USD", "en-US", "active", {})
    words = rendered(shop, "register", {"link": "https://grocer.example/x"}, logo_at=LOGO_AT)
    smtp = Smtp("smtp://127.0.0.1:9", "no-reply@shop.example")

    written = bytes(smtp.written(Letterhead(new_id(), "Grocer", "ada@example.com", png), words))

    mail = message_from_bytes(written, policy=policy.default)
    assert [part.get_content() for part in mail.walk() if part.get_content_type() == "image/png"] == [png]
    assert mail.get_body(("plain",)) is not None
    store = Store(tmp_path)
    store.add_mail(written)
    assert 'src="data:image/png;base64,' in (store.all()[0].html or "")
    without = rendered(shop, "register", {"link": "https://grocer.example/x"})
    assert "<img" not in without.html


async def test_an_invoice_shows_the_logo_that_the_shop_had_then(team: Team, grocer: SeededShop, app: Any) -> None:
    from pypdf import PdfReader

    from commerce.documents import service
    from commerce.documents.schemas import IssuerIn
    from tests.commerce.desk import Desk

    client = await team.key()
    issuer = {"name": "Grocer", "address": {"line1": "1 Way", "postal_code": "1", "city": "Town", "country": "US"}}
    assert (
        await client.put("/v1/admin/documents/issuer", json=IssuerIn.model_validate(issuer).model_dump())
    ).status_code == 200
    await client.put(LOGO, content=picture())
    order = await (await Desk.at(app.state.core.database, grocer)).order(1)
    await client.delete(LOGO)
    async with team.tx() as tx:
        document = (await service.of_order(tx, order.id))[0]

    paper = await client.get(f"/v1/admin/orders/{order.id}/documents/{document.id}.pdf")

    assert paper.status_code == 200
    assert len(PdfReader(io.BytesIO(paper.content)).pages[0].images) == 1


async def test_a_configuration_takes_an_uploaded_logo_and_no_other_address_of_the_shop(team: Team) -> None:
    client = await team.key()
    first = (await client.put(LOGO, content=picture())).json()["logo"]
    await client.delete(LOGO)
    at = "/v1/admin/configuration"

    async def put(logo: str) -> httpx.Response:
        read = (await client.get(at)).json()
        configuration = read["configuration"] | {"theme": {"logo": logo}}
        return await client.put(at, json={"version": read["version"], "configuration": configuration})

    refused = await put(f"/shop/logo/{'0' * 32}.png")
    assert (refused.status_code, refused.json()["code"]) == (422, "logos.unknown")
    assert await _has(client) is None
    for logo in (first, "https://cdn.example/logo.png"):
        assert (await put(logo)).status_code == 200
        assert await _has(client) == logo
