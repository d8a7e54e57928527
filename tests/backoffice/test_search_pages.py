"""The pages by which staff steer the shop's search."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import orjson
import pytest
from pydantic import SecretStr

from commerce.deciding import DecisionClient
from commerce.http import Core
from commerce.merchandising import reporting
from commerce.merchandising.schemas import ReportQuery
from commerce.tenancy.service import Shop
from foundation.ids import new_id
from foundation.searches import Counts, DayCounts, QueryCounts
from foundation.settings import Settings
from tests.deciding import answering
from tests.factories import SeededShop

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


RULES = "/back-office/search/rules"
DRAFT = {"name": "Soup week", "query": "soup", "match": "contains", "category": "", "price_group": "",
         "starts_at": "2026-03-01T09:00", "ends_at": "", "pin": "", "boost": "brand: Store brand\r\ncategory: pantry",
         "bury": "", "hide": "", "redirect": ""}  # fmt: skip


@pytest.fixture
async def deciding(app: Any, grocer: SeededShop) -> list[dict[str, Any]]:
    """A decision service that puts the last product first where a rule is tried; with what it was asked."""
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(orjson.loads(request.content))
        trial = asked[-1]["trial"]
        ids = [str(sold.product_id) for sold in grocer.products[:4]]
        found = [{"product_id": one, "score": 1.0, "source": "words"} for one in (reversed(ids) if trial else ids)]
        told = {"decision_id": str(new_id()), "policy": "words", "fallback": None, "fallback_reason": None,
                "query": "soup", "corrected": {}, "relaxed": [], "items": found,
                "rules": [trial["id"]] if trial else []}  # fmt: skip
        return httpx.Response(200, json=told)

    app.state.decisions = DecisionClient(answering(answer), "http://serving", "token", 150)
    return asked


async def test_a_rule_is_written_seen_before_and_after_published_and_withdrawn(
    admin: httpx.AsyncClient, analyst: httpx.AsyncClient, deciding: list[dict[str, Any]]
) -> None:
    added = await admin.post(RULES, data=DRAFT)
    assert added.status_code == 303, added.text
    at = added.headers["location"]
    early = await admin.post(f"{at}/publication", data={"version": "1"})
    assert (early.status_code, problem_of(early)) == (409, "search.rule_not_previewed")

    shown = await admin.post(f"{at}/previews")
    assert shown.status_code == 200
    assert [one["trial"] and one["trial"]["boost"]["brands"] for one in deciding] == [None, ["Store brand"]]
    assert "Up 3" in shown.text
    assert "Down 3" in shown.text
    assert (await admin.post(f"{at}/publication", data={"version": "1"})).status_code == 303
    assert "Published" in (await analyst.get(RULES)).text

    changed = await admin.post(at, data={**DRAFT, "bury": "brand: Acme", "version": "1"})
    assert changed.status_code == 303
    page = (await admin.get(at)).text
    assert "changed since" in page
    assert "brand: Store brand\ncategory: pantry</textarea>" in page
    assert 'value="2026-03-01T09:00"' in page

    assert (await admin.post(f"{at}/withdrawal", data={})).status_code == 303
    assert "Draft" in (await admin.get(RULES)).text
    seen = await analyst.get(at)
    assert "<form" not in seen.text.partition("<main")[2]
    assert (await analyst.post(f"{at}/removal", data={})).status_code == 403
    assert (await admin.post(f"{at}/removal", data={})).headers["location"] == RULES


async def test_a_rule_that_names_nothing_is_shown_again_as_it_was_typed(admin: httpx.AsyncClient) -> None:
    for wrong, code in (
        ({"pin": "no-such-product"}, "search.rule_names_nothing"),
        ({"query": ""}, "request.invalid_fields"),
        ({"redirect": "//elsewhere.example"}, "request.invalid_fields"),
    ):
        refused = await admin.post(RULES, data={**DRAFT, **wrong})
        assert (refused.status_code, problem_of(refused)) == (422, code), wrong
        assert "category: pantry</textarea>" in refused.text
    assert "No rule yet" in (await admin.get(RULES)).text


async def test_searches_are_told_by_list_and_day(
    admin: httpx.AsyncClient, app: Any, grocer: SeededShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = "/back-office/search/report"
    assert "Nothing here" in (await admin.get(at)).text

    def told(_settings: Settings, shop: Shop, asked: ReportQuery) -> tuple[list[DayCounts], list[QueryCounts]]:
        assert (shop.id, asked.list, asked.days) == (grocer.id, "unanswered", 7)
        counts = Counts(searches=8, unanswered=6, chosen=2, bought=1)
        return [DayCounts(date(2026, 3, 2), counts)], [QueryCounts("<b>unicorn", 4, counts, date(2026, 3, 2))]

    core: Core = app.state.core
    with_events = core.settings.model_copy(update={"clickhouse_url": SecretStr("clickhouse://nowhere")})
    monkeypatch.setattr(app.state, "core", replace(core, settings=with_events))
    monkeypatch.setattr(reporting, "_read", told)
    page = (await admin.get(at, params={"list": "unanswered", "days": 7})).text
    assert "&lt;b&gt;unicorn" in page
    assert "75 % found nothing" in page
    assert "2 March 2026" in page

    def away(*_: object) -> None:
        raise reporting.StatisticsUnavailable

    monkeypatch.setattr(reporting, "_read", away)
    shown = await admin.get(at)
    assert (shown.status_code, problem_of(shown)) == (503, "search.statistics_unavailable")
    assert (await admin.get(at, params={"days": 365})).status_code == 422
