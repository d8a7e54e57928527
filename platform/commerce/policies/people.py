"""The people who work for the shop or for its vendors, and acting as a customer."""

from __future__ import annotations

from commerce.policies.permission import Permission

_NO_MORE = "Nobody gives anybody more than they may do themselves; the last admin stays."
STAFF_READ = Permission(
    "staff:read", "See who works for the shop, and its roles.", vendors="See who works for the vendor."
)
STAFF_WRITE = Permission(
    "staff:write",
    "Invite people, change what they may do, and end it.",
    vendors="Invite the vendor's own people, change what they may do, and end it.",
    rule=_NO_MORE,
)
ROLES_WRITE = Permission("roles:write", "Make the shop's own roles and change them.", rule=_NO_MORE)
ACT_AS = Permission(
    "customers:act_as",
    "See the shop as a customer does, and do what they ask for.",
    rule="A person's own session only, with a reason, for a limited time; nothing that is the customer's alone.",
)
PERMISSIONS = (STAFF_READ, STAFF_WRITE, ROLES_WRITE, ACT_AS)
