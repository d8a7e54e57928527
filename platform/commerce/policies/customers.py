"""Customers, as those see them who help them."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission(
    "customers:read",
    "Find a customer by an exact e-mail address or order number, and see who they are.",
    rule="Without it no order, list or file shows the e-mail address that an order was placed with.",
)
ACT_AS = Permission(
    "customers:act_as",
    "Be in the shop as a customer for half an hour, to help them.",
    rule="With a reason, proved anew, never for what is the customer's own alone; everything is in the audit log.",
    personal=True,
)
PERMISSIONS = (READ, ACT_AS)
