"""A search by voice, as the core answers it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ADDRESS = "/v1/store/search/voice"
HEARD = [{"transcript": "flower", "confidence": 0.4}, {"transcript": "flour", "confidence": 0.6}]


async def test_without_the_service_the_recognisers_confidence_decides(client: httpx.AsyncClient) -> None:
    answer = (await client.post(ADDRESS, json={"alternatives": HEARD})).json()
    assert (answer["query"], answer["fallback"]) == ("flour", "confidence")
    assert [one["transcript"] for one in answer["alternatives"]] == ["flour", "flower"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    "wrong",
    [
        [],
        HEARD * 6,
        [{"transcript": " "}],
        [{"transcript": "a\nb"}],
        [{"transcript": "x" * 201}],
        [{"transcript": "flour", "confidence": 1.5}],
        [{"transcript": "flour", "words": 1}],
    ],
)
async def test_what_nobody_heard_is_refused(client: httpx.AsyncClient, wrong: list[dict[str, Any]]) -> None:
    assert (await client.post(ADDRESS, json={"alternatives": wrong})).status_code == 422
