"""The people who work for the shop or for its vendors."""

from __future__ import annotations

from commerce.policies.permission import Permission

_NO_MORE = "Nobody gives anybody more than they may do themselves, nor wider limits; the last admin stays."
STAFF_READ = Permission(
    "staff:read", "See who works for the shop, and its roles.", vendors="See who works for the vendor."
)
STAFF_WRITE = Permission(
    "staff:write",
    "Invite people, change what they may do, and end it.",
    vendors="Invite the vendor's own people, change what they may do, and end it.",
    rule=_NO_MORE,
    personal=True,
)
ROLES_WRITE = Permission("roles:write", "Make the shop's own roles and change them.", rule=_NO_MORE, personal=True)
PROVIDERS_READ = Permission(
    "identity_providers:read", "See by whose accounts people sign in, and whether staff must do so."
)
PROVIDERS_WRITE = Permission(
    "identity_providers:write",
    "Let people sign in by accounts they have elsewhere, and make staff do so.",
    rule="Nobody has newcomers given more than they may do themselves.",
    personal=True,
)
PERMISSIONS = (STAFF_READ, STAFF_WRITE, ROLES_WRITE, PROVIDERS_READ, PROVIDERS_WRITE)
