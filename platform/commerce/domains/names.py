"""Names that a shop may claim, in the one form that all of the platform compares.

A name is kept and shown as A-labels (`xn--...`, RFC 5891): two names that look alike to the eye never look alike here.
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

from foundation.errors import Unprocessable

RECORD = "_tradewind"
LONGEST = 253 - len(RECORD) - 1
"""So that the record's own name still is one (RFC 1035, 2.3.4)."""
SPECIAL = frozenset({"localhost", "local", "internal", "invalid", "onion", "arpa", "alt"})
"""Top-level names that never lead to a server in the public DNS (RFC 6761, 6762, 7686, 9476; ICANN on `internal`)."""
_NUMBER = re.compile(r"^(?:[0-9]+|0x[0-9a-f]*)$")


class NameUnfit(Unprocessable):
    """This is no name that a shop can have in the DNS."""

    code = "domains.name_unfit"

    reason: str
    """`form`, `address` (an IP address), `single` (one word, such as a top-level domain), `public_suffix` (a name below
    which others have theirs, such as `co.uk` or `github.io`), or `reserved` (the platform's own, or never anywhere).
    """


def normalised(name: str, platform_host: str) -> str:
    """A name as A-labels in lower case, as UTS 46 maps what people type (non-transitional).

    The first call reads the list of public suffixes, which takes a tenth of a second.

    Raises:
        NameUnfit: it is none, or the platform's own, or never leads anywhere.
    """
    typed = name.strip().rstrip(".")
    if _is_address(typed):
        raise NameUnfit(reason="address")
    try:
        host = idna.encode(typed, uts46=True, std3_rules=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as fault:
        raise NameUnfit(reason="form") from fault
    labels = host.split(".")
    # What a browser would read as an address: its last label is a number (WHATWG URL, "ends in a number").
    if _is_address(host) or _NUMBER.match(labels[-1]):
        raise NameUnfit(reason="address")
    if len(host) > LONGEST:
        raise NameUnfit(reason="form")
    if labels[-1] in SPECIAL or _is_below(host, platform_host.lower().rstrip(".")):
        raise NameUnfit(reason="reserved")
    if len(labels) < 2:
        raise NameUnfit(reason="single")
    if _public_suffixes().is_public(host):
        raise NameUnfit(reason="public_suffix")
    return host


@cache
def _public_suffixes() -> PublicSuffixList:
    """The list of publicsuffix.org, both of its parts, as it was when the package was made: nothing is asked for."""
    return PublicSuffixList()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_below(host: str, other: str) -> bool:
    """Whether a name is another or a name below it; nobody may have what the other is below, either: its owner could
    set cookies for the platform.
    """
    return host == other or host.endswith(f".{other}") or other.endswith(f".{host}")
