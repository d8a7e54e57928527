"""The ledger, payments, gift cards and store credit."""

from __future__ import annotations

from commerce.policies.permission import Permission

LEDGER_READ = Permission("ledger:read", "See the books and tax reports.")
PAYMENTS_READ = Permission("payments:read", "See what was paid, disputes, and how the books compare with providers'.")
PAYMENT_ACCOUNTS_WRITE = Permission(
    "payment_accounts:write", "Turn payment providers on or off, and say where their money goes.", personal=True
)
PAYMENTS_WRITE = Permission("payments:write", "Collect money, answer disputes and settle differences with providers.")
STORED_VALUE_READ = Permission("stored_value:read", "See gift cards and customers' store credit.")
STORED_VALUE_WRITE = Permission(
    "stored_value:write",
    "Issue and stop gift cards, give and take back store credit.",
    rule="What is issued and given counts against the same limit as refunds.",
)
PERMISSIONS = (
    LEDGER_READ,
    PAYMENTS_READ,
    PAYMENT_ACCOUNTS_WRITE,
    PAYMENTS_WRITE,
    STORED_VALUE_READ,
    STORED_VALUE_WRITE,
)
