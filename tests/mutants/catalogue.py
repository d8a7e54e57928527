"""Bugs of the catalogue: shown when it should not be, changed by whoever did not see it, counted wrong."""

from __future__ import annotations

from tests.mutants.bug import Bug

_PRODUCTS = "tests/commerce/test_products.py"
_LIVING = "commerce/catalog/products/living.py"
_WRITING = "commerce/catalog/products/writing.py"

BUGS = (
    Bug(
        "what is archived is still found by search",
        ((_LIVING, "await (indexing.index if is_now else indexing.forget)(tx", "await indexing.index(tx"),),
        f"{_PRODUCTS}::test_what_is_taken_out_of_the_shop_is_nowhere_in_it",
    ),
    Bug(
        "a discontinued variant goes into carts",
        (
            (
                "commerce/cart/hot.py",
                "AND v.id = :variant_id AND p.status = 'published'\n              AND NOT v.discontinued",
                "AND v.id = :variant_id AND p.status = 'published'",
            ),
        ),
        f"{_PRODUCTS}::test_variants_change_places_and_are_discontinued",
    ),
    Bug(
        "a product is changed by whoever has not seen its last version",
        ((_WRITING, 'if row["version"] != version:', "if version < 1:"),),
        f"{_PRODUCTS}::test_of_two_who_change_a_product_one_is_told",
    ),
    Bug(
        "what a vendor writes of a live product holds at once",
        (
            (
                _WRITING,
                'proposing = row["status"] in LIVE and not by.may_publish',
                'proposing = row["status"] in LIVE and not by.may_publish and by.vendor_id is None',
            ),
        ),
        f"{_PRODUCTS}::test_a_vendor_proposes_and_staff_agree",
    ),
    Bug(
        "a product that moves is counted in both categories",
        ((_WRITING, "((before.category_id, -1), (said.category_id, 1))", "((said.category_id, 1),)"),),
        f"{_PRODUCTS}::test_a_live_product_moves_with_what_it_says",
    ),
    Bug(
        "a vendor reads what is another's",
        (
            (
                "commerce/catalog/products/reading.py",
                "AND (CAST(:vendor_id AS uuid) IS NULL OR p.vendor_id = :vendor_id)",
                "AND (true OR p.vendor_id = :vendor_id)",
            ),
        ),
        f"{_PRODUCTS}::test_a_vendor_has_its_own_products_alone",
    ),
)
