"""The catalogue that benchmarks multiply: as many as were asked for, the same each time, each of them whole."""

from __future__ import annotations

from foundation.settings import Settings
from tests.data.conftest import Query
from tradewind.data.multiplied import BAZAAR, load_multiplied

HOUSEHOLDS = 1
_SUMMED = """
    SELECT count(*), md5(string_agg(p.handle || p.brand || v.sku || r.amount || s.available, ' ' ORDER BY v.sku))
    FROM product p JOIN variant v ON v.product_id = p.id JOIN price r ON r.variant_id = v.id
    JOIN stock s ON s.variant_id = v.id
"""


def test_a_catalogue_of_any_size_is_the_same_each_time(settings: Settings, query: Query) -> None:
    load_multiplied(settings, 900, households=HOUSEHOLDS)
    first = query(_SUMMED, tenant_id=BAZAAR.id)
    load_multiplied(settings, 900, households=HOUSEHOLDS)
    assert query(_SUMMED, tenant_id=BAZAAR.id) == first
    products, sold = query(
        "SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM search_document d WHERE d.product_id = p.id))"
        " FROM product p WHERE p.status = 'published'",
        tenant_id=BAZAAR.id,
    )[0]
    assert (products, sold) == (900, 900)
    assert first[0][0] > 1.5 * products  # variants


def test_copies_differ_in_their_makers_and_prices_but_not_in_what_they_are(settings: Settings, query: Query) -> None:
    load_multiplied(settings, 900, households=HOUSEHOLDS)
    alike = query(
        "SELECT count(DISTINCT p.title), count(DISTINCT p.brand), count(DISTINCT r.amount) FROM product p"
        " JOIN variant v ON v.product_id = p.id AND v.position = 0 JOIN price r ON r.variant_id = v.id"
        " WHERE split_part(v.sku, '-', 1) = (SELECT split_part(sku, '-', 1) FROM variant GROUP BY 1"
        " ORDER BY count(*) DESC LIMIT 1)",
        tenant_id=BAZAAR.id,
    )[0]
    assert alike[0] == 1
    assert alike[1] > 1
    assert alike[2] > 1
