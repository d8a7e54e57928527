"""Bugs of money and papers: taken twice, given back twice, numbered with gaps."""

from __future__ import annotations

from tests.mutants.bug import Bug

_ATTEMPTS = "tests/commerce/test_attempts.py"
_WEBHOOKS = "tests/commerce/test_webhooks.py"
_MONEY = "tests/commerce/test_payments_after_placing.py"
_VALUE = "tests/commerce/test_stored_value.py"
_DOCUMENTS = "tests/commerce/test_documents.py"
_VENDORS = "tests/commerce/test_vendors.py"
_RACES = "tests/races/test_every_interleaving.py::test_every_interleaving_of_two_transactions_leaves_the_order_right"

BUGS = (
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
        f"{_RACES}[two pay out what a vendor is due]",
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
            RETURNING last),
""",
                "            SELECT CAST(:last AS bigint) AS last WHERE CAST(:counter_id AS uuid) IS NOT NULL),\n",
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
                '    parts = still_to_say(about.credited(), about.said("credit_note", takes_back=False))\n',
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
                "commerce/payments/settlement/balances.py",
                "        return self.captured - self.set_aside - self.disputed",
                "        return self.captured - self.set_aside",
            ),
            (
                "commerce/payments/settlement/refunds.py",
                "              AND amount - spared - refunded - disputed >= CAST(:amount AS bigint)\n",
                "",
            ),
            (
                "commerce/payments/settlement/refunds.py",
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
