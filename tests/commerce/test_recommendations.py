"""What a shop shows when the decision service answers, and when it has nothing to say."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from commerce.app import create_app
from foundation.settings import Settings
from tests.deciding import shop_asking
from tests.factories import SeededShop

DECISION = uuid4()


def decided(items: list[UUID], reason: str | None = None) -> dict[str, Any]:
    return {
        "decision_id": str(DECISION),
        "placement": "home",
        "policy": "popular" if reason else "blend",
        "model_version": None if reason else "7",
        "fallback": "popular" if reason else None,
        "fallback_reason": reason,
        "items": [
            {"product_id": str(one), "position": place, "score": 1.0, "source": "ease"}
            for place, one in enumerate(items)
        ],
    }


async def shown(settings: Settings, shop: SeededShop, answer: httpx.Response) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the shop answers when the service answers `answer`, and what the service was asked."""
    asked: dict[str, Any] = {}

    def serve(request: httpx.Request) -> httpx.Response:
        asked.update(orjson.loads(request.content), authorization=request.headers["authorization"])
        return answer

    async with shop_asking(create_app(settings), shop, serve) as http:
        response = await http.get("/v1/store/recommendations", params={"limit": 3})
    assert response.status_code == 200, response.text
    return response.json(), asked


async def test_the_services_products_are_shown_in_its_order(settings: Settings, grocer: SeededShop) -> None:
    wanted = [grocer.products[4].product_id, grocer.products[1].product_id]

    answer, asked = await shown(settings, grocer, httpx.Response(200, json=decided(wanted)))

    assert [card["id"] for card in answer["items"]] == [str(one) for one in wanted]
    assert (answer["decision_id"], answer["policy"], answer["fallback"]) == (str(DECISION), "blend", None)
    assert (asked["tenant_id"], asked["authorization"]) == (str(grocer.id), "Bearer token")


async def test_without_a_model_the_shop_shows_its_best_sellers_under_the_services_decision(
    settings: Settings, grocer: SeededShop
) -> None:
    answer, _ = await shown(settings, grocer, httpx.Response(200, json=decided([], "no_model")))

    assert len(answer["items"]) == 3
    assert (answer["decision_id"], answer["fallback_reason"]) == (str(DECISION), "no_model")


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(500), httpx.Response(200, content=b"nonsense"), httpx.Response(200, json={"items": []})],
    ids=["broken", "no json", "another contract"],
)
async def test_a_service_that_fails_fails_no_page(
    settings: Settings, grocer: SeededShop, answer: httpx.Response
) -> None:
    shown_instead, _ = await shown(settings, grocer, answer)

    assert len(shown_instead["items"]) == 3
    assert shown_instead["fallback_reason"] == "service_unreachable"
