"""The pages of imports: a file is sent, tried first, followed, and its bad rows are taken back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from commerce.exchange import making, working
from commerce.feeds import building

if TYPE_CHECKING:
    import httpx

    from tests.factories import SeededShop

AT = "/back-office/imports"
FILE = b"Article,title,price\nA,Mug,1.00\nB,<b>Cup</b>,2.00\n"


async def test_a_file_is_tried_then_taken_in_and_its_bad_rows_come_back(
    app: Any, grocer: SeededShop, admin: httpx.AsyncClient, analyst: httpx.AsyncClient
) -> None:
    core = app.state.core

    async def send(**fields: str) -> str:
        answer = await admin.post(AT, data={"map": "Article=sku\n", **fields}, files={"file": ("mugs.csv", FILE)})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    tried = await send(dry_run="on")
    assert "Waits" in (waits := (await admin.get(tried)).text)
    assert 'http-equiv="refresh"' in waits
    assert await working.see_to(core.database, core.settings, await core.directory.by_host(grocer.host))
    page = (await admin.get(tried)).text
    assert "nothing was changed" in page
    assert "must be plain text" in page
    assert "mugs.csv" in (await admin.get("/back-office/imports")).text
    assert not (await admin.get("/back-office/products", params={"q": "Mug"})).text.count("Mug</")

    sent = await send()
    stopped = await admin.post(f"{sent}/cancellation", data={})
    assert "Stopped" in (await admin.get(stopped.headers["location"])).text
    assert b",3,title," in (await admin.get(f"{tried}/errors")).content

    assert "Send a file" not in (await analyst.get(AT)).text
    assert (await analyst.post(AT, data={}, files={"file": ("x.csv", FILE)})).status_code == 403
    refused = await admin.post(AT, data={}, files={"file": ("x.pdf", FILE)})
    assert (refused.status_code, 'data-problem="exchange.unknown_format"' in refused.text) == (422, True)
    assert (await admin.post(AT, data={"dry_run": "on"})).status_code == 415

    made = await admin.post(f"{AT}/exports", data={"format": "csv"})
    page = made.headers["location"]
    assert 'http-equiv="refresh"' in (await admin.get(page)).text
    assert await making.see_to(core.database, core.settings, await core.directory.by_host(grocer.host))
    assert f'href="{page}/file"' in (await admin.get(page)).text
    assert f'href="{page}/file"' in (await admin.get(AT)).text
    assert (await admin.get(f"{page}/file")).content.startswith(b"\xef\xbb\xbfhandle,")
    assert "Make the file" not in (await analyst.get(AT)).text
    assert (await analyst.post(f"{AT}/exports", data={"format": "csv"})).status_code == 403
    costly = (await admin.post(f"{AT}/exports", data={"format": "csv", "costs": "on"})).headers["location"]
    assert await making.see_to(core.database, core.settings, await core.directory.by_host(grocer.host))
    assert b",cost,price.web" in (await admin.get(f"{costly}/file")).content.splitlines()[0]


async def test_a_feed_is_declared_shown_once_followed_and_taken_back(
    app: Any, grocer: SeededShop, admin: httpx.AsyncClient, analyst: httpx.AsyncClient
) -> None:
    core = app.state.core
    form = {"name": "Google", "language": "", "channel": "web", "every_hours": "6"}
    assert 'name="every_hours"' in (await admin.get(f"{AT}/feeds")).text
    refused = await admin.post(f"{AT}/feeds", data={**form, "every_hours": "0"})
    assert (refused.status_code, 'id="every_hours-fault"' in refused.text) == (422, True)
    made = (await admin.post(f"{AT}/feeds", data=form)).text
    address = re.search(r"data-copied>(http://[^<]+/feeds/twf_[^<]+\.xml)<", made)
    at = re.search(rf'action="({AT}/feeds/[0-9a-f-]+)"', made)
    assert address is not None
    assert at is not None
    assert 'http-equiv="refresh"' not in made
    page = (await admin.get(at[1])).text
    assert (address[1] in page, 'http-equiv="refresh"' in page) == (False, True)
    assert await building.see_to(core.database, core.settings, await core.directory.by_host(grocer.host))
    page = (await admin.get(at[1])).text
    assert "has no description" in page
    assert "0 in it, " in (await admin.get(AT)).text
    changed = await admin.post(at[1], data={**form, "name": "<b>Bing</b>", "version": "1"})
    assert "&lt;b&gt;Bing&lt;/b&gt;" in (await admin.get(changed.headers["location"])).text
    stale = await admin.post(at[1], data={**form, "version": "1"})
    assert (stale.status_code, 'data-problem="feeds.stale"' in stale.text) == (409, True)
    assert address[1] not in (await admin.post(f"{at[1]}/rotation", data={})).text
    assert (await admin.post(f"{at[1]}/builds", data={})).headers["location"] == at[1]
    assert "Take it back" not in (await analyst.get(at[1])).text
    assert (await analyst.post(f"{at[1]}/revocation", data={})).status_code == 403
    assert (await admin.post(f"{at[1]}/revocation", data={})).headers["location"] == AT
    assert (await admin.get(at[1])).status_code == 404
