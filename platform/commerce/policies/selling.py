"""Prices, promotions, and the vendors who sell."""

from __future__ import annotations

from commerce.policies.permission import Permission

PRICES_READ = Permission("prices:read", "See list prices, offers and groups' prices.")
PRICES_WRITE = Permission("prices:write", "Set list prices, offers and groups' prices.")
PRICES_QUOTE = Permission("prices:quote", "Ask what somebody would pay, and why.")
PROMOTIONS_READ = Permission("promotions:read", "See discount codes and how often they were used.")
PROMOTIONS_WRITE = Permission("promotions:write", "Make, change and end discount codes.")
VENDORS_READ = Permission("vendors:read", "See vendors, what they are owed and what they were paid.")
VENDORS_WRITE = Permission("vendors:write", "Take vendors on, and say which products are theirs.")
VENDORS_PAY = Permission("vendors:pay", "Pay vendors what they are owed.")
PERMISSIONS = (
    PRICES_READ,
    PRICES_WRITE,
    PRICES_QUOTE,
    PROMOTIONS_READ,
    PROMOTIONS_WRITE,
    VENDORS_READ,
    VENDORS_WRITE,
    VENDORS_PAY,
)
