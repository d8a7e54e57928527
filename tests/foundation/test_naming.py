"""Names of what has no rows: none of one tenant is another's."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.naming import UnsafeName, cache_key, entity_key, object_path, picture_path

OURS, THEIRS = UUID(int=1), UUID(int=2)
PARTS = st.lists(st.text(min_size=1, max_size=12), max_size=4)


@given(PARTS, PARTS)
def test_two_tenants_never_share_a_key(here: list[str], there: list[str]) -> None:
    assert cache_key(OURS, "kind", *here) != cache_key(THEIRS, "kind", *there)


def test_the_same_shopper_is_another_entity_in_each_shop() -> None:
    assert entity_key(OURS, THEIRS) != entity_key(THEIRS, THEIRS)


@pytest.mark.parametrize("part", ["", ".", "..", "../other", "a/b", ".hidden", "a\\b"])
def test_no_part_of_a_path_leads_out_of_its_tenants(part: str) -> None:
    with pytest.raises(UnsafeName):
        object_path(OURS, "photos", part)
    with pytest.raises(UnsafeName):
        picture_path(part)


def test_a_path_lies_below_its_tenant() -> None:
    assert object_path(OURS, "photos", "a.jpg") == f"tenants/{OURS}/photos/a.jpg"
    assert picture_path("grocer", "a.jpg") == "tenants/grocer/products/a.jpg"
