"""Bugs of orders: changed without being held, in a state that forbids it, rounded unit by unit."""

from __future__ import annotations

from tests.mutants.bug import Bug

_ORDERS = "tests/commerce/test_orders.py"
_RACES = "tests/races/test_every_interleaving.py"
_CRASHES = "tests/commerce/test_order_crashes.py"
_MACHINE = "tests/commerce/test_order_machine.py"
_EDITS = "tests/commerce/test_order_edits.py"
_PRICES = "tests/commerce/test_prices.py"

BUGS = (
    Bug(
        "the event is written after the commit",
        (
            (
                "commerce/payments/settlement/captures.py",
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
                "        from commerce.payments.settlement import captures\n"
                "        from foundation.outbox import announce\n\n"
                "        late, captures.LATE = captures.LATE, []\n"
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
                "commerce/payments/settlement/captures.py",
                "fee = CAST(:fee AS bigint), updated_at = CAST(:now AS timestamptz)\n"
                "        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'capturing'\n",
                "fee = CAST(:fee AS bigint), updated_at = CAST(:now AS timestamptz)\n"
                "        WHERE tenant_id = :tenant_id AND id = :payment_id\n",
            ),
            (
                "commerce/payments/settlement/captures.py",
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
                "commerce/payments/settlement/captures.py",
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
                "commerce/payments/settlement/refunds.py",
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
                "commerce/orders/lines.py",
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
                "commerce/orders/lines.py",
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
                "commerce/payments/settlement/unfinished.py",
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
        (("foundation/spreadsheets.py", ".startswith(_FORMULA)", ".startswith('none')"),),
        _ORDERS,
    ),
    Bug(
        "an edit is confirmed whatever it was made of",
        (
            (
                "commerce/orders/editing.py",
                "    if not version == kept.version == held.version:\n",
                "    if not version == kept.version:\n",
            ),
        ),
        _EDITS,
    ),
    Bug(
        "a price that was promised is forgotten",
        (
            (
                "commerce/pricing/offers.py",
                """CAST(:visitor_id AS uuid))
          AND q.expires_at > CAST(:now AS timestamptz)) o)
""",
                """CAST(:visitor_id AS uuid))
          AND q.quoted_at > CAST(:now AS timestamptz)) o)
""",
            ),
        ),
        _PRICES,
    ),
)
