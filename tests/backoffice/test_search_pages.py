"""The pages by which staff steer the shop's search."""

from __future__ import annotations

import re

import httpx

SYNONYMS = "/back-office/search/synonyms"


def problem_of(page: httpx.Response) -> str | None:
    found = re.search(r'data-problem="([^"]+)"', page.text)
    return found[1] if found else None


async def test_synonyms_are_written_one_a_line(admin: httpx.AsyncClient, analyst: httpx.AsyncClient) -> None:
    added = await admin.post(SYNONYMS, data={"phrases": "tv\r\n flat screen \r\n", "written": ""})
    assert (added.status_code, added.headers["location"]) == (303, SYNONYMS)
    page = (await admin.get(SYNONYMS)).text
    assert "flat screen" in page
    found = re.search(rf'action="({SYNONYMS}/[0-9a-f-]+)"', page)
    assert found is not None
    one = found[1]

    refused = await admin.post(one, data={"phrases": "tv\ntv", "written": "", "version": "1"})
    assert (refused.status_code, problem_of(refused)) == (422, "request.invalid_fields")
    assert "tv\ntv</textarea>" in refused.text
    stale = await admin.post(one, data={"phrases": "notebook", "written": "laptop", "version": "7"})
    assert (stale.status_code, problem_of(stale)) == (409, "search.synonym_stale")
    changed = await admin.post(one, data={"phrases": "notebook", "written": "laptop", "version": "1"})
    assert changed.status_code == 303

    seen = await analyst.get(SYNONYMS)
    assert "laptop" in seen.text
    assert "<form" not in seen.text.partition("<main")[2]
    assert (await analyst.post(f"{one}/removal", data={})).status_code == 403
    assert (await admin.post(f"{one}/removal", data={})).status_code == 303
    assert "No synonyms yet" in (await admin.get(SYNONYMS)).text
