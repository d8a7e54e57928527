"""The bugs: what to replace in which file, and the test that has to fail then."""

from __future__ import annotations

from dataclasses import dataclass

_STOCK = "tests/commerce/test_stock.py"
_PROMISES = "tests/commerce/test_promises.py"
_LOTS = "tests/commerce/test_lots.py"
_CART = "tests/commerce/test_cart_and_checkout.py"
_ORDERS = "tests/commerce/test_orders.py"
_RACES = "tests/races/test_every_interleaving.py"
_CRASHES = "tests/commerce/test_order_crashes.py"
_ATTEMPTS = "tests/commerce/test_attempts.py"
_WEBHOOKS = "tests/commerce/test_webhooks.py"
_MONEY = "tests/commerce/test_payments_after_placing.py"
_MACHINE = "tests/commerce/test_order_machine.py"
_VALUE = "tests/commerce/test_stored_value.py"
_DOCUMENTS = "tests/commerce/test_documents.py"
_VENDORS = "tests/commerce/test_vendors.py"


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug. Each replacement is (file below `platform`, text, what it becomes); the text is there exactly once."""

    name: str
    replacements: tuple[tuple[str, str, str], ...]
    caught_by: str


BUGS = (
    Bug(
        "stock is read, then written",
        (
            (
                "commerce/inventory/service.py",
                """
            UPDATE stock
            SET available = available - CAST(:quantity AS bigint), reserved = reserved + CAST(:quantity AS bigint)
            WHERE available - kept_back >= CAST(:quantity AS bigint) AND (tenant_id, id) = (
                SELECT tenant_id, id FROM stock
                WHERE tenant_id = :tenant_id AND variant_id = :variant_id
                  AND available - kept_back >= CAST(:quantity AS bigint) AND NOT lotted
                ORDER BY warehouse_id LIMIT 1)
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
        "two lines of one cart are reserved apart",
        (
            (
                "commerce/inventory/service.py",
                "    return [\n        StockLine(variant_id, first[",
                "    return list(lines) if first else [\n        StockLine(variant_id, first[",
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
        "the event is written after the commit",
        (
            (
                "commerce/payments/settlement.py",
                """
        amount=amount,
        currency=row["currency"],
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["order_id"])])
    return True


async def capture_failed(""",
                """
        amount=amount,
        currency=row["currency"],
    )
    LATE.append(record(said, tenant_id=tx.tenant_id, aggregate_id=row["order_id"]))
    return True


LATE: list = []


async def capture_failed(""",
            ),
            (
                "commerce/orders/money.py",
                '                await save_and_enter(held, "captured", SYSTEM, amount=amount, provider=due.provider)\n',
                '                await save_and_enter(held, "captured", SYSTEM, amount=amount, provider=due.provider)\n'
                "        from foundation.outbox import announce\n\n"
                "        late, settlement.LATE = settlement.LATE, []\n"
                "        async with self.database.tx(due.charge.tenant_id) as tx:\n"
                "            await announce(tx, late)\n",
            ),
        ),
        f"{_CRASHES}::test_a_cart_is_paid_for_once_wherever_completing_it_dies",
    ),
    Bug(
        "a capture is written down whatever the payment's state",
        (
            (
                "commerce/payments/settlement.py",
                "fee = CAST(:fee AS bigint), updated_at = CAST(:now AS timestamptz)\n"
                "        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'capturing'\n",
                "fee = CAST(:fee AS bigint), updated_at = CAST(:now AS timestamptz)\n"
                "        WHERE tenant_id = :tenant_id AND id = :payment_id\n",
            ),
            (
                "commerce/payments/settlement.py",
                "_CAPTURING = _step(\"'authorised', 'capturing'\"",
                '_CAPTURING = _step("status"',
            ),
        ),
        _RACES,
    ),
    Bug(
        "what is being captured can be voided",
        (
            (
                "commerce/payments/settlement.py",
                "order_id = :order_id AND status IN ('authorised', 'due', 'capture_failed')\n",
                "order_id = :order_id AND status IN ('authorised', 'due', 'capture_failed', 'capturing')\n",
            ),
        ),
        _RACES,
    ),
    Bug(
        "an order is changed without holding it",
        (
            (
                "commerce/orders/held.py",
                "WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND {OWNED} FOR UPDATE",
                "WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND {OWNED}",
            ),
        ),
        _RACES,
    ),
    Bug(
        "a cancelled order can be sent",
        (("commerce/orders/fulfilling.py", '    held.require("fulfil", actor)\n', ""),),
        _ORDERS,
    ),
    Bug(
        "a refund on its way does not count",
        (("commerce/orders/held.py", "+ to_come - balance.set_aside", "+ to_come - balance.refunded"),),
        _MACHINE,
    ),
    Bug(
        "a failed refund is never owed again",
        (
            (
                "commerce/payments/settlement.py",
                "UPDATE payment p SET refunded = p.refunded - f.amount FROM",
                "UPDATE payment p SET refunded = p.refunded FROM",
            ),
        ),
        _ORDERS,
    ),
    Bug(
        "each unit is rounded by itself",
        (
            (
                "commerce/orders/held.py",
                "return round_minor(Fraction(self.total * units, self.quantity))",
                "return round_minor(Fraction(self.total, self.quantity)) * units",
            ),
        ),
        f"{_ORDERS.replace('test_orders', 'test_credit')}",
    ),
    Bug(
        "units that were refunded are refunded again when they come back",
        (
            (
                "commerce/orders/held.py",
                "self.credited = self.credited, max(self.credited, min(units, self.quantity))",
                "self.credited = self.credited, min(units, self.quantity)",
            ),
        ),
        f"{_ORDERS.replace('test_orders', 'test_credit')}",
    ),
    Bug(
        "a return is taken in twice",
        (
            ("commerce/orders/returning.py", 'held, return_id, "receive")', 'held, return_id, "")'),
            (
                "commerce/orders/returning.py",
                '    step(RETURN_STEPS, rows[0]["status"], action)\n',
                '    if action:\n        step(RETURN_STEPS, rows[0]["status"], action)\n',
            ),
        ),
        _ORDERS,
    ),
    Bug(
        "another provider call than the last is not repeated",
        (
            (
                "commerce/payments/settlement.py",
                "         WHERE tenant_id = :tenant_id AND status IN ('authorised', 'capturing', 'voiding')\n           AND (status",
                "         WHERE tenant_id = :tenant_id AND status IN ('authorised', 'voiding')\n           AND (status",
            ),
        ),
        _CRASHES,
    ),
    Bug(
        "anybody may cancel an order",
        (("commerce/orders/held.py", "**whose(owner)})", "**whose(None)})"),),
        _ORDERS,
    ),
    Bug(
        "a spreadsheet runs what a shopper wrote",
        (("commerce/orders/staff_exports_api.py", "cell.startswith(FORMULA)", "cell.startswith('none')"),),
        _ORDERS,
    ),
    Bug(
        "a vendor's earnings are posted again with every change",
        (
            (
                "commerce/vendors/earning.py",
                'due.earned - row["earned"], due.commission - row["commission"]',
                "due.earned, due.commission",
            ),
        ),
        _VENDORS,
    ),
    Bug(
        "two payouts to one vendor at once",
        (
            ("commerce/vendors/paying.py", "FOR NO KEY UPDATE", ""),
            ("commerce/vendors/paying.py", "ORDER BY v.id FOR UPDATE OF v", "ORDER BY v.id"),
        ),
        _VENDORS,
    ),
    Bug(
        "a vendor's key opens the back office",
        (
            (
                "commerce/http.py",
                "        if found.vendor_id is not None:\n            raise staff_keys.OfAVendor\n",
                "",
            ),
        ),
        _VENDORS,
    ),
    Bug(
        "a gift card's balance is asked before it is taken, and not where it is taken",
        (
            (
                "commerce/stored_value/movements.py",
                "SET {source} = v.{source} - asked.amount, {target} = v.{target} + asked.amount{kept}\n",
                "SET {source} = CASE WHEN v.{source} >= asked.amount THEN v.{source} - asked.amount ELSE v.{source} END,\n"
                "                    {target} = CASE WHEN v.{source} >= asked.amount THEN v.{target} + asked.amount\n"
                "                                    ELSE v.{target} END{kept}\n",
            ),
            ("commerce/stored_value/movements.py", " AND v.{source} >= asked.amount\n", "\n"),
        ),
        f"{_VALUE}::test_one_card_pays_for_as_many_carts_as_it_is_good_for",
    ),
    Bug(
        "a payment by gift card that is asked for twice is held twice",
        (
            (
                "commerce/stored_value/spending.py",
                "ON CONFLICT (tenant_id, id) DO NOTHING RETURNING status",
                "ON CONFLICT (tenant_id, id) DO UPDATE SET status = 'held' RETURNING status",
            ),
        ),
        f"{_VALUE}::test_each_step_has_one_effect_however_often_it_is_asked",
    ),
    Bug(
        "a gift card is refunded what other refunds gave back already",
        (
            (
                "commerce/stored_value/spending.py",
                '_SPENT_PARTS = _parts("p.amount - p.refunded", ',
                '_SPENT_PARTS = _parts("p.amount", ',
            ),
            (
                "commerce/stored_value/spending.py",
                "              AND amount - refunded >= CAST(:amount AS bigint) RETURNING id)",
                "              RETURNING id)",
            ),
        ),
        f"{_VALUE}::test_no_more_goes_back_than_was_spent",
    ),
    Bug(
        "a gift card is good until a job has seen that its time is over",
        (
            (
                "commerce/stored_value/spending.py",
                "AND currency = :currency\n          AND (expires_at IS NULL OR expires_at > CAST(:now AS timestamptz))\n"
                '        """\n    )\n)\n\n# ix_stored_value_customer',
                "AND currency = :currency\n          AND CAST(:now AS timestamptz) IS NOT NULL\n"
                '        """\n    )\n)\n\n# ix_stored_value_customer',
            ),
            (
                "commerce/stored_value/movements.py",
                '    "held": f"{_ACTIVE} {_IN_TIME} AND',
                '    "held": f"{_ACTIVE} AND',
            ),
        ),
        f"{_VALUE}::test_a_card_is_good_through_its_last_day_where_the_shop_is",
    ),
    Bug(
        "the number of an invoice is taken outside the transaction that writes it",
        (
            (
                "commerce/documents/issuing.py",
                """            INSERT INTO document_counter AS c (tenant_id, id, kind, year, last)
            VALUES (:tenant_id, :counter_id, :kind, :year, 1)
            ON CONFLICT (tenant_id, kind, year) DO UPDATE SET last = c.last + 1
            RETURNING last)
""",
                "            SELECT CAST(:last AS bigint) AS last WHERE CAST(:counter_id AS uuid) IS NOT NULL)\n",
            ),
            (
                "commerce/documents/issuing.py",
                '        "counter_id": new_id(),\n',
                '        "counter_id": new_id(),\n        "last": next(_NUMBERS),\n',
            ),
            (
                "commerce/documents/issuing.py",
                "# A number and its document are one statement",
                "from itertools import count\n\n_NUMBERS = count(1)\n\n# A number and its document are one statement",
            ),
        ),
        f"{_DOCUMENTS}::test_numbers_have_no_gap_whatever_is_rolled_back",
    ),
    Bug(
        "a credit note repeats what the one before it credited",
        (
            (
                "commerce/documents/issuing.py",
                '    parts = still_to_say(about.credited(), about.said("credit_note"))\n',
                "    parts = about.credited()\n",
            ),
        ),
        f"{_DOCUMENTS}::test_an_order_is_invoiced_when_its_money_is_taken_and_corrected_to_the_last_cent",
    ),
    Bug(
        "the webhook and the redirect each capture",
        (
            (
                "commerce/payments/attempts.py",
                '_UNDECIDED = f"p.order_id IS NULL AND p.status IN {UNDECIDED}"',
                '_UNDECIDED = f"(p.status = p.status OR p.status IN {UNDECIDED})"',
            ),
        ),
        _ATTEMPTS,
    ),
    Bug(
        "a notification is believed whoever signed it",
        (
            (
                "commerce/payments/signatures.py",
                'if version == "v1" and hmac.compare_digest(expected, signature.encode()):',
                'if version == "v1" and expected and signature:',
            ),
        ),
        _WEBHOOKS,
    ),
    Bug(
        "an event is handled before it is kept",
        (
            (
                "commerce/checkout/notifications.py",
                """        if kept is not None:
            await self._handle(tenant_id, kept)

    async def catch_up(""",
                """
    async def catch_up(""",
            ),
            (
                "commerce/checkout/notifications.py",
                """        async with self.checkout.database.tx(tenant_id) as tx:
            kept = await inbox.keep(tx, provider, event)
""",
                """        await self._look(tenant_id, provider, event)
        async with self.checkout.database.tx(tenant_id) as tx:
            kept = await inbox.keep(tx, provider, event)
            if kept is not None:
                await inbox.handled(tx, kept.id)
""",
            ),
        ),
        f"{_WEBHOOKS}::test_an_event_is_kept_before_it_is_handled",
    ),
    Bug(
        "what is in dispute is given back as well",
        (
            (
                "commerce/payments/settlement.py",
                "        return self.captured - self.set_aside - self.disputed",
                "        return self.captured - self.set_aside",
            ),
            (
                "commerce/payments/settlement.py",
                "              AND amount - spared - refunded - disputed >= CAST(:amount AS bigint)\n",
                "",
            ),
            (
                "commerce/payments/settlement.py",
                "SELECT id, amount - spared - refunded - disputed AS refundable",
                "SELECT id, amount - spared - refunded AS refundable",
            ),
        ),
        _MONEY,
    ),
    Bug(
        "a capture that the provider refuses counts as made",
        (
            (
                "commerce/orders/money.py",
                "            if isinstance(answer, Refused):\n                if await settlement.capture_failed(",
                "            if answer is None:\n                if await settlement.capture_failed(",
            ),
            ("commerce/orders/money.py", "payment_id, fee=answer.fee)", "payment_id)"),
        ),
        _MONEY,
    ),
)
