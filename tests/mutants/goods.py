"""Bugs of stock: read then written, promised twice, taken from the wrong lot."""

from __future__ import annotations

from tests.mutants.bug import Bug

_STOCK = "tests/commerce/test_stock.py"
_PROMISES = "tests/commerce/test_promises.py"
_LOTS = "tests/commerce/test_lots.py"
_BUNDLES = "tests/commerce/test_bundles.py"
_DISPATCHES = "tests/commerce/test_dispatches.py"

BUGS = (
    Bug(
        "stock is read, then written",
        (
            (
                "commerce/inventory/service.py",
                """
            UPDATE stock
            SET available = available - CAST(:quantity AS bigint), reserved = reserved + CAST(:quantity AS bigint)
            WHERE available - kept_back >= CAST(:quantity AS bigint) AND NOT lotted AND (tenant_id, id) = (
                SELECT tenant_id, id FROM stock
                WHERE tenant_id = :tenant_id AND variant_id = :variant_id ORDER BY id LIMIT 1)
            RETURNING id, available - kept_back AS available),
""",
                """
            UPDATE stock SET available = f.available - CAST(:quantity AS bigint),
                             reserved = f.reserved + CAST(:quantity AS bigint)
            FROM (SELECT id, available, reserved, pg_sleep(0.05) FROM stock
                  WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND available >= CAST(:quantity AS bigint)
                  ORDER BY warehouse_id LIMIT 1) f
            WHERE stock.tenant_id = :tenant_id AND stock.id = f.id
            RETURNING stock.id, stock.available),
""",
            ),
        ),
        f"{_STOCK}::test_the_last_units_go_to_as_many_buyers_as_there_are",
    ),
    Bug(
        "of two lines of one cart the last is reserved",
        (
            (
                "commerce/inventory/service.py",
                "        wanted.setdefault(line.variant_id, Counter())[line.near] += line.quantity\n",
                "        wanted.setdefault(line.variant_id, Counter())[line.near] = line.quantity\n",
            ),
        ),
        f"{_STOCK}::test_two_lines_of_one_variant_share_its_stock",
    ),
    Bug(
        "lines are locked in the order of the cart",
        (
            (
                "commerce/inventory/service.py",
                "        ORDER BY s.variant_id, s.id FOR UPDATE OF s",
                "        ORDER BY array_position(CAST(:variant_ids AS uuid[]), s.variant_id), s.id FOR UPDATE OF s",
            ),
            ("commerce/inventory/service.py", "for variant_id in sorted(wanted)\n", "for variant_id in wanted\n"),
        ),
        f"{_STOCK}::test_carts_that_want_the_same_things_in_another_order_do_not_deadlock",
    ),
    Bug(
        "an order is placed with a part of its stock",
        (
            (
                "commerce/inventory/service.py",
                "    return held == units",
                "    return held > 0",
            ),
        ),
        f"{_STOCK}::test_an_order_takes_all_that_was_held_or_nothing",
    ),
    Bug(
        "more is promised than the limit",
        (
            (
                "commerce/inventory/promises.py",
                "              AND promised + CAST(:quantity AS bigint) <= backorder_limit\n",
                "",
            ),
        ),
        f"{_PROMISES}::test_two_carts_race_for_the_last_unit_that_may_be_promised",
    ),
    Bug(
        "what comes in can be had before those who wait got theirs",
        (("commerce/inventory/keeping.py", "for rise in await promises.keep(tx, risen):", "for rise in risen:"),),
        f"{_PROMISES}::test_what_comes_in_goes_to_the_oldest_promise_before_anybody_else",
    ),
    Bug(
        "a promise that is being changed is kept",
        (
            (
                "commerce/inventory/promises.py",
                "ORDER BY id LIMIT :units FOR UPDATE SKIP LOCKED",
                "ORDER BY id LIMIT :units",
            ),
        ),
        f"{_PROMISES}::test_a_receipt_against_a_cancel_wherever_one_is_interrupted",
    ),
    Bug(
        "an expired lot is sold",
        (("commerce/inventory/lots.py", "or lot.expires_on >= today]", "or lot.units]"),),
        _LOTS,
    ),
    Bug(
        "two sweeps give the same reservation back",
        (("commerce/inventory/service.py", "LIMIT :limit FOR UPDATE SKIP LOCKED)", "LIMIT :limit)"),),
        f"{_STOCK}::test_what_is_held_too_long_is_given_back_once",
    ),
    Bug(
        "what is kept back is sold",
        (
            (
                "commerce/inventory/service.py",
                "            WHERE available - kept_back >= CAST(:quantity AS bigint) AND NOT lotted AND (tenant_id, id) = (",
                "            WHERE available >= CAST(:quantity AS bigint) AND NOT lotted AND (tenant_id, id) = (",
            ),
        ),
        f"{_PROMISES}::test_what_is_kept_back_is_not_sold_until_staff_let_it_go",
    ),
    Bug(
        "a lot is sold beyond what it has",
        (("commerce/inventory/lots.py", "        part = min(lot.units, left)\n", "        part = left\n"),),
        _LOTS,
    ),
    Bug(
        "units are taken from the balance and not from their lot",
        (
            (
                "commerce/inventory/lots.py",
                '_BY_LOT.format(change="available = l.available - u.units, reserved = l.reserved + u.units")',
                '_BY_LOT.format(change="reserved = l.reserved + u.units, received = l.received + u.units")',
            ),
        ),
        _LOTS,
    ),
    Bug(
        "of a bundle's components one of each is reserved",
        (("commerce/checkout/needing.py", "            quantity * need.quantity,\n", "            quantity,\n"),),
        _BUNDLES,
    ),
    Bug(
        "more arrives than was sent",
        (("commerce/inventory/transfers.py", "    if not 0 < asked <= in_transit:\n", "    if asked <= 0:\n"),),
        _DISPATCHES,
    ),
    Bug(
        "two who say what arrived do not wait for each other",
        (("commerce/inventory/transfers.py", "        FOR NO KEY UPDATE OF t\n", ""),),
        f"{_DISPATCHES}::test_no_more_arrives_than_was_sent_however_many_say_so_at_once",
    ),
)
