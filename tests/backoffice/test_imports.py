"""The pages of imports: a file is sent, tried first, followed, and its bad rows are taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commerce.exchange import making, working

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
