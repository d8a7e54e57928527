"""How often somebody may try to sign in, or have something sent: so that guessing is hopeless and nobody is kept out.

A browser that has signed in to an account before has a bucket of its own for it (OWASP's device cookies). All others
are counted by the network they come from, and together. Whoever guesses at an account from everywhere closes it to
browsers that are new to it, for a while; its owner's own go on. Unknown addresses are counted like known ones, so being
refused says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from commerce.identity import devices
from commerce.identity.browsers import Browser
from commerce.throttling import service as throttling
from commerce.throttling.service import Limit
from foundation.database import Database, Tx
from foundation.errors import TooMany


class TooManyAttempts(TooMany):
    """There were too many attempts; try again in a while, or from a browser that has signed in before."""

    code = "identity.too_many_attempts"


def _limit(name: str, burst: int, **every: float) -> Limit:
    return Limit(name, burst, timedelta(**every), TooManyAttempts)


BY_NETWORK = _limit("sign-in by network", 50, seconds=10)
"""Whoever tries many accounts; an office shares one."""
KNOWN = _limit("sign-in of a known browser", 10, minutes=1)
HERE = _limit("sign-in of an account from a network", 10, minutes=2)
ANYWHERE = _limit("sign-in of an account from anywhere", 50, minutes=10)
SENT_KNOWN = _limit("sent to a known browser's", 5, minutes=2)
SENT_HERE = _limit("sent for a network", 3, minutes=5)
SENT_ANYWHERE = _limit("sent to an address", 10, minutes=30)
SENT_BY_NETWORK = _limit("sent by a network", 20, minutes=1)
SENT_BY_SHOP = _limit("text messages of a shop", 200, seconds=5)
"""What each costs is the shop's: somebody who has numbers of their own texted to earn by them is stopped by this."""

Try = tuple[Limit, str]


async def trying(tx: Tx, account_id: UUID | None, browser: Browser, digest: bytes) -> list[Try]:
    """The buckets that a try to sign in, as whoever has the address behind `digest`, is counted in."""
    whom, network = digest.hex(), browser.neighbourhood()
    if await devices.is_known(tx, account_id, browser):
        return [(KNOWN, f"{whom} {browser.device_token}")]
    return [(BY_NETWORK, network), (HERE, f"{whom} {network}"), (ANYWHERE, whom)]


async def sending(tx: Tx, account_id: UUID | None, browser: Browser, digest: bytes, *, texts: bool) -> list[Try]:
    """The buckets that something to be sent to the address behind `digest` is counted in."""
    whom, network = digest.hex(), browser.neighbourhood()
    if await devices.is_known(tx, account_id, browser):
        return [(SENT_KNOWN, f"{whom} {browser.device_token}")]
    # The shop's is last: what another has refused takes nothing from it.
    shop = [(SENT_BY_SHOP, "")] if texts else []
    return [(SENT_BY_NETWORK, network), (SENT_HERE, f"{whom} {network}"), (SENT_ANYWHERE, whom), *shop]


async def count(database: Database, tenant_id: UUID, tries: Sequence[Try]) -> None:
    """Count one try, whatever becomes of it.

    Raises:
        TooManyAttempts.
    """
    for limit, subject in tries:
        await throttling.take(database, tenant_id, limit, subject)


async def forgive(database: Database, tenant_id: UUID, tries: Sequence[Try]) -> None:
    """A try was right: it does not count."""
    for limit, subject in tries:
        await throttling.give_back(database, tenant_id, limit, subject)
