"""What acts without a person: keys, programs that customers and staff let in, addresses that are told of events."""

from __future__ import annotations

from commerce.policies.permission import Permission

_NO_MORE = (
    "Nobody gives a key or a program more than they may do themselves, and nobody who has a limit makes one. Neither "
    "ever may do more than whoever made it may now."
)
API_KEYS_READ = Permission(
    "api_keys:read", "See which keys there are, never what they are.", vendors="See the vendor's own keys."
)
API_KEYS_WRITE = Permission(
    "api_keys:write",
    "Make, replace and end keys.",
    vendors="Make, replace and end the vendor's own keys.",
    rule=_NO_MORE,
    personal=True,
)
PROGRAMS_READ = Permission("programs:read", "See the programs that ask on people's behalf.")
PROGRAMS_WRITE = Permission("programs:write", "Let programs in, and shut them out.", rule=_NO_MORE, personal=True)
WEBHOOKS_READ = Permission("webhooks:read", "See which addresses are told of events, and how that went.")
WEBHOOKS_WRITE = Permission("webhooks:write", "Say which addresses are told of events, and tell them again.")
PERMISSIONS = (API_KEYS_READ, API_KEYS_WRITE, PROGRAMS_READ, PROGRAMS_WRITE, WEBHOOKS_READ, WEBHOOKS_WRITE)
