"""Pictures of products: brought, made by the worker, shown, and gone with their files."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from commerce.app import create_app
from commerce.archives.queue import LEASE
from commerce.catalog.schemas import Picture, ProductList
from commerce.media import arriving, leftovers, rendering, videos, working
from commerce.media.refusals import VideoRefused
from commerce.media.rendering import Focal
from foundation import clock
from foundation.outbound import Outbound
from tests.studio import Studio, thirds
from tests.waiting import started

if TYPE_CHECKING:
    import httpx

    from foundation.settings import Settings
    from tests.access.team import Team
    from tests.asking import Ask
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

Json = dict[str, Any]
GPS = 0x8825
ORIENTATION = 0x0112


@pytest.fixture
async def app(settings: Settings, tmp_path: Path) -> AsyncIterator[Any]:
    """The API with a place for pictures."""
    app = create_app(settings.model_copy(update={"objects_url": tmp_path.as_uri()}))
    async with started(app):
        yield app


def seen(body: bytes) -> tuple[Image.Image, str]:
    """The picture in a file, and the colour of its middle."""
    picture = Image.open(io.BytesIO(body)).convert("RGB")
    middle = picture.getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(middle, tuple)
    return picture, "rgb"[max(range(3), key=lambda channel: middle[channel])]


@pytest.fixture
async def studio(app: Any, staff: httpx.AsyncClient, grocer: SeededShop, tmp_path: Path) -> Studio:
    sold = grocer.products[0]
    answer = await staff.get(f"/v1/admin/products/{sold.product_id}")
    return Studio(app, staff, grocer, tmp_path, product=answer.raise_for_status().json())


@pytest.fixture
def served(app: Any) -> Iterator[dict[str, tuple[int, bytes]]]:
    """A site with pictures, at `http://127.0.0.1:{port}`: what it answers, by path; `port` is under the empty path."""
    answers: dict[str, tuple[int, bytes]] = {}

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    site = HTTPServer(("127.0.0.1", 0), Site)
    answers[""] = (site.server_port, b"")
    thread = threading.Thread(target=site.serve_forever, args=(0.01,))
    thread.start()
    object.__setattr__(app.state.core, "outbound", Outbound(loopback=True))
    yield answers
    site.shutdown()
    thread.join()
    site.server_close()


async def test_an_index_outside_learns_that_a_product_looks_otherwise(
    studio: Studio, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    def last_change() -> Any:
        with psycopg.connect(database_urls.relay) as relay:
            return relay.execute(
                "SELECT changed_in::text::bigint FROM search_document WHERE product_id = %s",
                (grocer.products[0].product_id,),
            ).fetchone()

    before = last_change()
    await studio.send(thirds(size=(150, 50)))
    await studio.make()
    assert last_change() > before


async def test_an_upload_is_shown_in_sizes_and_formats_once_the_worker_has_made_it(studio: Studio) -> None:
    made = await studio.send(thirds(size=(1500, 500)))
    assert [one["status"] for one in made["pictures"]] == ["waiting"]
    assert (await studio.shown()).media == []
    assert await studio.make() == 1
    detail = await studio.shown()
    (medium,) = detail.media
    assert (medium.kind, medium.alt) == ("image", "Three stripes")
    (picture,) = medium.pictures
    assert [one.type for one in picture.square.sources] == ["image/avif", "image/webp"]
    assert [size.split()[1] for size in picture.square.sources[0].srcset.split(", ")] == ["192w", "384w", "500w"]
    assert [size.split()[1] for size in picture.whole.sources[0].srcset.split(", ")] == ["640w", "1280w", "1500w"]
    for source in (*picture.square.sources, *picture.whole.sources):
        for size in source.srcset.split(", "):
            address, width = size.split()
            body, stored = studio.read(address), Image.open(io.BytesIO(studio.read(address)))
            assert f"image/{stored.format}".lower() == source.type
            assert f"{stored.width}w" == width
            assert b"Exif" not in body
    assert detail.image is not None
    assert detail.image.endswith("-square-384.webp")
    cards = ProductList.model_validate_json((await studio.http.get("/v1/store/products?limit=100")).content)
    (card,) = [one for one in cards.items if one.id == detail.id]
    assert card.picture is not None
    assert (card.picture.alt, card.picture.src) == ("Three stripes", picture.square.src)


async def test_the_head_of_a_file_is_gone_and_its_orientation_is_applied_before_anything_is_kept(
    studio: Studio,
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[GPS] = {1: "N", 2: (48.0, 51.0, 29.0)}
    exif[0x010F] = "A camera of somebody"
    sent = thirds(kind="JPEG", exif=exif)
    assert b"A camera of somebody" in sent
    await studio.send(sent)
    await studio.make()
    (medium,) = (await studio.shown()).media
    assert (medium.pictures[0].whole.width, medium.pictures[0].whole.height) == (100, 300)
    for file in studio.files:
        body = (studio.folder / file).read_bytes()
        assert b"camera" not in body
        assert not Image.open(io.BytesIO(body)).getexif(), file


async def test_squares_are_cut_around_the_point_that_matters_and_anew_when_it_moves(studio: Studio) -> None:
    made = await studio.send(thirds(), focal_x=0)
    await studio.make()
    before = (await studio.shown()).media[0].pictures[0]
    assert seen(studio.read(before.square.src))[1] == "r"
    await studio.ask("PATCH", f"/{made['id']}", {"focal": {"x": 100, "y": 50}})
    assert (await studio.shown()).media[0].pictures[0] == before
    await studio.make()
    after = (await studio.shown()).media[0].pictures[0]
    assert seen(studio.read(after.square.src))[1] == "b"
    assert seen(studio.read(before.square.src))[1] == "r"  # what pages that were read before ask for


async def test_a_point_that_moves_while_a_picture_is_made_wins(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await studio.send(thirds(), focal_x=0)
    make = rendering.make

    def moved_meanwhile(*args: Any, **more: Any) -> Any:
        asyncio.run_coroutine_threadsafe(
            studio.ask("PATCH", f"/{made['id']}", {"focal": {"x": 100, "y": 50}}), loop
        ).result()
        monkeypatch.setattr(rendering, "make", make)
        return make(*args, **more)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(rendering, "make", moved_meanwhile)
    assert await studio.make() == 2
    (medium,) = (await studio.shown()).media
    assert seen(studio.read(medium.pictures[0].square.src))[1] == "b"


DIES = """
import asyncio, os, signal, sys
from pydantic import SecretStr
from commerce.media import working
from commerce.tenancy.service import Directory
from foundation import objects
from foundation.database import Database
from foundation.settings import Settings

async def main(url, files, host):
    settings = Settings(_env_file=None, database_url=SecretStr(url), objects_url=files)
    put, written = objects.put, []

    def dies(*given):
        if len(written) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        put(*given)
        written.append(given)

    objects.put = dies
    database = Database.of(settings, pool_size=2)
    await working.see_to(database, settings, await Directory(database).found(host))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_worker_that_is_killed_in_the_middle_is_followed_by_one_that_makes_the_same(
    studio: Studio, database_urls: DatabaseUrls
) -> None:
    await studio.send(thirds())
    (original,) = studio.files
    arguments = (database_urls.app, studio.folder.as_uri(), studio.seeded.host)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", DIES, *arguments)
    assert await worker.wait() == -signal.SIGKILL
    half = set(studio.files) - {original}
    assert len(half) == 3
    assert await studio.make() == 0  # it is believed to live
    later = clock.now() + LEASE
    with clock.use(lambda: later):
        assert await studio.make() == 1
    (medium,) = (await studio.shown()).media
    assert medium.pictures[0].square.src
    assert half < set(studio.files)
    much_later = clock.now() + leftovers.SHOWN_STILL
    with clock.use(lambda: much_later):
        assert await studio.sweep() == 0


async def test_what_can_not_be_made_is_given_up_and_says_so(studio: Studio, rows: Ask) -> None:
    await studio.send(thirds())
    for file in studio.files:
        (studio.folder / file).unlink()
    assert await studio.make() == 3
    later = clock.now() + LEASE
    with clock.use(lambda: later):
        assert await studio.make() == 0
    (medium,) = (await studio.ask("GET"))["items"]
    assert [one["status"] for one in medium["pictures"]] == ["failed"]
    assert rows("SELECT picture FROM product WHERE picture IS NOT NULL") == []


async def test_files_go_with_what_showed_them_and_with_what_was_never_kept(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await studio.send(thirds())
    await studio.make()
    there = studio.files
    await studio.ask("DELETE", f"/{made['id']}", status=204)
    detail = await studio.shown()
    assert (detail.media, detail.image) == ([], None)
    assert await studio.sweep() == 0  # pages that were read before still ask for them
    later = clock.now() + leftovers.SHOWN_STILL
    with clock.use(lambda: later):
        assert await studio.sweep() == len(there)
    assert studio.files == []

    monkeypatch.setattr("commerce.media.service._add_pictures", _dies)
    await studio.send(thirds(), status=500)
    monkeypatch.undo()
    assert len(studio.files) == 1
    later = clock.now() + leftovers.WRITTEN_WITHIN
    with clock.use(lambda: later):
        assert await studio.sweep() == 1
    assert studio.files == []


async def _dies(*_: object) -> None:
    raise RuntimeError("as if the worker had died")


async def test_the_order_is_the_shops_and_the_first_is_on_the_card(studio: Studio) -> None:
    one = await studio.send(thirds(), alt="One")
    two = await studio.send(thirds(), alt="Two")
    await studio.make()
    assert [medium.alt for medium in (await studio.shown()).media] == ["One", "Two"]
    for ids in ([one["id"]], [one["id"], one["id"]]):
        assert (await studio.ask("PUT", "/order", {"ids": ids}, 409))["code"] == "media.order_stale"
    ids = [one["id"], two["id"], str(uuid4())]
    assert (await studio.ask("PUT", "/order", {"ids": ids}, 404))["code"] == "media.not_found"
    await studio.ask("PUT", "/order", {"ids": [two["id"], one["id"]]})
    detail = await studio.shown()
    assert [medium.alt for medium in detail.media] == ["Two", "One"]
    assert detail.image is not None
    assert detail.image in detail.media[0].pictures[0].square.sources[1].srcset


async def test_pictures_of_a_variant_are_its_own_and_lose_it_when_it_goes(studio: Studio, rows: Ask) -> None:
    variant = studio.product["variants"][0]["id"]
    made = await studio.send(thirds(), variant_id=variant)
    assert made["variant_id"] == variant
    refused = await studio.send(thirds(), status=404, variant_id=studio.seeded.products[1].variant_id)
    assert refused["code"] == "catalog.variant_not_found"
    assert (await studio.ask("PATCH", f"/{made['id']}", {"alt": "Other"}))["variant_id"] == variant
    assert (await studio.ask("PATCH", f"/{made['id']}", {"variant_id": None}))["variant_id"] is None
    assert rows("SELECT alt FROM product_media") == [("Other",)]


async def test_a_set_is_shown_when_all_its_frames_are_made(
    studio: Studio, served: dict[str, tuple[int, bytes]]
) -> None:
    served["/0.png"], served["/1.png"] = (200, thirds()), (200, thirds(size=(90, 90)))
    site = f"http://127.0.0.1:{served[''][0]}"
    said = {"kind": "spin", "alt": "All sides", "urls": [f"{site}/0.png", f"{site}/1.png"]}
    made = await studio.ask("POST", "", said, 201)
    await studio.send(thirds(size=(60, 80)), f"/{made['id']}/pictures")
    for _ in range(2):
        await working.see_to(studio.app.state.core.database, studio.app.state.core.settings, await studio.shop())
        assert (await studio.shown()).media == []
    assert await studio.make() == 1
    (medium,) = (await studio.shown()).media
    assert [(one.whole.width, one.whole.height) for one in medium.pictures] == [(300, 100), (90, 90), (60, 80)]


async def test_a_video_stays_where_it_is_and_is_shown_by_a_picture(studio: Studio) -> None:
    said = {"kind": "video", "alt": "How it is made", "url": "https://youtu.be/dQw4w9WgXcQ?si=who-shared-it"}
    made = await studio.ask("POST", "", said, 201)
    await studio.make()
    assert (await studio.shown()).media == []
    for size in ((300, 100), (320, 180)):
        await studio.send(thirds(size=size), f"/{made['id']}/pictures")
    assert await studio.make() == 1
    detail = await studio.shown()
    (medium,) = detail.media
    assert medium.video is not None
    assert medium.video.url == "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    assert [one.whole.width for one in medium.pictures] == [320]
    assert detail.image is None  # a card shows the product


@pytest.mark.parametrize(
    ("url", "video"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=x", "youtube"),
        ("https://youtube.com/shorts/dQw4w9WgXcQ", "youtube"),
        ("https://vimeo.com/76979871", "vimeo"),
        ("https://player.vimeo.com/video/76979871?h=1", "vimeo"),
        ("http://vimeo.com/76979871", None),
        ("https://vimeo.com:8443/76979871", None),
        ("https://vimeo.com@evil.example/76979871", None),
        ("https://evil.example/watch?v=dQw4w9WgXcQ", None),
        ("https://www.youtube.com/watch?v=javascript:x", None),
        ("https://[/", None),
        ("javascript:alert(1)", None),
    ],
)
def test_videos_are_of_providers_that_are_known(url: str, video: str | None) -> None:
    if video is None:
        with pytest.raises(VideoRefused):
            videos.read(url)
    else:
        assert videos.read(url)["provider"] == video


def _bomb() -> bytes:
    """A PNG whose head says 60,000 pixels a side; it needs no more to be one."""
    written = io.BytesIO()
    Image.new("1", (1, 1)).save(written, "PNG")
    body = bytearray(written.getvalue())
    body[16:24] = (60_000).to_bytes(4, "big") * 2
    body[29:33] = zlib.crc32(bytes(body[12:29])).to_bytes(4, "big")
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (_bomb(), 422, "media.too_many_pixels"),
        (b"<?xml version='1.0'?><svg xmlns='x'><script>alert(1)</script></svg>", 415, "media.svg_refused"),
        (b"%PDF-1.7 called picture.png", 415, "media.wrong_type"),
        (b"", 415, "media.wrong_type"),
        (thirds(kind="GIF"), 415, "media.wrong_type"),
        (thirds()[:200], 422, "media.broken_picture"),
    ],
    ids=["bomb", "svg", "pdf", "empty", "gif", "half"],
)
async def test_what_is_no_picture_is_refused_alike_whichever_way_it_arrives(
    studio: Studio, served: dict[str, tuple[int, bytes]], body: bytes, status: int, code: str
) -> None:
    assert (await studio.send(body, status=status))["code"] == code
    served["/x.png"] = (200, body)
    said = {"kind": "image", "alt": "x", "url": f"http://127.0.0.1:{served[''][0]}/x.png"}
    assert (await studio.ask("POST", "", said, status))["code"] == code
    assert (await studio.ask("GET"))["items"] == []
    assert studio.files == []


async def test_other_refusals_have_their_codes_too(studio: Studio, served: dict[str, tuple[int, bytes]]) -> None:
    large = studio.app.state.core.settings.max_photo_bytes + 1
    assert (await studio.send(bytes(large), status=413))["code"] == "request.body_too_large"
    for alt in ("", "  "):
        assert (await studio.send(thirds(), status=422, alt=alt))["code"] == "media.alt_required"
    served["/large.png"], served["/gone.png"] = (200, bytes(large)), (410, b"")
    site = f"http://127.0.0.1:{served[''][0]}"
    for url, code in (
        ("http://169.254.169.254/latest/meta-data", "outbound.address_refused"),
        ("http://10.0.0.1/x.png", "outbound.address_refused"),
        ("file:///etc/passwd", "outbound.address_refused"),
        (f"{site}/large.png", "outbound.answer_refused"),
        (f"{site}/gone.png", "media.not_fetched"),
    ):
        refused = await studio.ask("POST", "", {"kind": "image", "alt": "x", "url": url}, 422)
        assert refused["code"] == code, url
    said = {"kind": "video", "alt": "x", "url": "https://evil.example/v"}
    assert (await studio.ask("POST", "", said, 422))["code"] == "media.video_refused"
    image = await studio.send(thirds())
    assert (await studio.send(thirds(), f"/{image['id']}/pictures", 409))["code"] == "media.no_picture_taken"
    assert (await studio.ask("PATCH", f"/{image['id']}", {"alt": " "}, 422))["code"] == "media.alt_required"
    assert (await studio.ask("DELETE", f"/{uuid4()}", status=404))["code"] == "media.not_found"


async def test_a_product_has_so_many_and_no_more(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commerce.media.service.MOST", 1)
    monkeypatch.setattr("commerce.media.service.MOST_FRAMES", 1)
    made = await studio.ask("POST", "", {"kind": "spin", "alt": "x"}, 201)
    assert (await studio.send(thirds(), status=409))["code"] == "media.too_many"
    await studio.send(thirds(), f"/{made['id']}/pictures")
    assert (await studio.send(thirds(), f"/{made['id']}/pictures", 409))["most"] == 1


async def test_what_a_vendor_brings_for_a_live_product_is_shown_once_staff_agree(studio: Studio, team: Team) -> None:
    vendor = (await studio.http.put("/v1/admin/vendors/mill", json={"name": "Mill"})).raise_for_status().json()
    miller = await team.hire("vendor", email="m@mill.example", vendor_id=UUID(vendor["id"]))
    theirs = Studio(studio.app, miller.http, studio.seeded, studio.folder, "vendor", studio.product)
    assert (await theirs.send(thirds(), status=404))["code"] == "catalog.product_not_found"
    await studio.http.post("/v1/admin/vendors/mill/products", json={"product_ids": [studio.product["id"]]})
    of_staff = await studio.send(thirds(), alt="Staff")
    made = await theirs.send(thirds(), alt="Vendor")
    await studio.make()
    assert (made["approved"], [one.alt for one in (await studio.shown()).media]) == (False, ["Staff"])
    for method, path, body in (
        ("PATCH", f"/{of_staff['id']}", {"alt": "x"}),
        ("DELETE", f"/{of_staff['id']}", None),
        ("PUT", "/order", {"ids": [made["id"], of_staff["id"]]}),
    ):
        assert (await theirs.ask(method, path, body, 409))["code"] == "media.review_needed"
    await theirs.ask("PATCH", f"/{made['id']}", {"alt": "Better"})
    await studio.ask("POST", f"/{made['id']}/approval")
    assert [one.alt for one in (await studio.shown()).media] == ["Staff", "Better"]
    assert (await theirs.ask("DELETE", f"/{made['id']}", status=409))["code"] == "media.review_needed"


async def test_a_retry_adds_nothing_twice(studio: Studio) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [
        await studio.http.post(f"{studio.path}/uploads?alt=x", content=thirds(), headers=headers) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len((await studio.ask("GET"))["items"]) == 1


@given(
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
    focal=st.builds(Focal, st.integers(0, 100), st.integers(0, 100)),
)
def test_a_square_lies_within_its_picture_and_holds_the_point(width: int, height: int, focal: Focal) -> None:
    left, top, right, bottom = rendering.cut(width, height, focal)
    assert right - left == bottom - top == min(width, height)
    assert 0 <= left <= width * focal.x / 100 <= right <= width
    assert 0 <= top <= height * focal.y / 100 <= bottom <= height


@given(there=st.integers(1, 3000))
def test_no_size_is_larger_than_what_there_is(there: int) -> None:
    made = rendering.sizes(there, rendering.SQUARES)
    assert made == sorted(set(made))
    assert max(made) == min(there, rendering.SQUARES[-1])
    assert made[0] <= rendering.SQUARES[0]


def test_names_follow_from_what_files_are_made_of() -> None:
    def names(body: bytes, picture_id: UUID, focal: Focal) -> set[str]:
        return {one.path for one in rendering.make(body, picture_id, focal, slug="shop")}

    first, other, middle = uuid4(), uuid4(), Focal(50, 50)
    assert names(thirds(), first, middle) == names(thirds(), first, middle)
    others = [(thirds(size=(9, 9)), first, middle), (thirds(), other, middle), (thirds(), first, Focal(1, 50))]
    for body, picture_id, focal in others:
        assert names(thirds(), first, middle).isdisjoint(names(body, picture_id, focal))


def test_transparency_and_colours_survive() -> None:
    clear = io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(clear, "PNG")
    kept = arriving.read(clear.getvalue()).body
    for one in rendering.make(kept, uuid4(), Focal(50, 50), slug="shop"):
        assert Image.open(io.BytesIO(one.body)).convert("RGBA").getpixel((20, 20))[3] == 0  # type: ignore[index]
    assert Picture.model_validate(
        rendering.shown(list(rendering.make(kept, uuid4(), Focal(50, 50), slug="s"))).document
    )
