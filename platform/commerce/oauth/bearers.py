"""From an access token to who asks: a program that acts for the shop, or for a customer.

Its signature says that we made it; whether what was granted still stands is asked of Postgres each time, so a
revocation has its effect on the next request.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import text

from commerce.identity import makers, membership
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.oauth import scopes as scoping
from commerce.oauth import signing
from commerce.oauth.signing import Claims, NotOurs
from commerce.policies.limits import Limits
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Forbidden, Unauthenticated

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class TokenUnknown(Unauthenticated):
    """The access token is not good: not of this shop, over, or revoked."""

    code = "oauth.token_unknown"


class ScopeNotGranted(Forbidden):
    """The program was not granted what this needs."""

    code = "oauth.scope_not_granted"

    scope: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who shows an access token."""

    claims: Claims
    subject: str
    """`client` or `customer`."""
    subject_id: UUID
    client_name: str
    display_name: str | None
    scopes: frozenset[str]
    """What the token says, of what its program may still ask for; of the shop, no more than who registered it may."""
    maker: str
    """The principal of whoever registered the program."""
    limits: Limits
    """Theirs, as they are now."""
    channel: str
    """The sales channel of the program; `web` without one, and once it is retired."""


# pk_oauth_grant, pk_oauth_client, pk_customer, uq_account_customer, pk_tenant_domain, uq_sales_channel_code
_STANDS = hot(
    text(
        f"""
        SELECT g.subject, g.subject_id, c.name, c.scopes, c.created_by, k.display_name, {membership.COLUMN},
               coalesce((SELECT s.code FROM sales_channel s WHERE s.tenant_id = c.tenant_id AND s.code = c.channel
                         AND s.retired_at IS NULL), 'web') AS channel
        FROM oauth_grant g JOIN oauth_client c ON c.tenant_id = g.tenant_id AND c.id = g.client_id
             {makers.join("c")}
             LEFT JOIN customer k ON k.tenant_id = g.tenant_id AND k.id = g.subject_id AND g.subject = 'customer'
             LEFT JOIN account a ON a.tenant_id = k.tenant_id AND a.customer_id = k.id
        WHERE g.tenant_id = :tenant_id AND g.id = :grant_id AND g.client_id = :client_id AND g.revoked_at IS NULL
          AND g.expires_at > CAST(:now AS timestamptz) AND c.disabled_at IS NULL
          AND (g.subject = 'client' OR k.id IS NOT NULL) AND coalesce(a.status, 'active') = 'active'
          AND EXISTS (SELECT FROM tenant_domain d WHERE d.tenant_id = g.tenant_id AND d.host = :host)
        """  # noqa: S608  (literals)
    )
)


async def bearer(tx: Tx, token: str) -> Bearer:
    """Who shows a token; its issuer is this shop, by one of its names.

    Raises:
        TokenUnknown.
    """
    try:
        claims = await signing.verified(tx, token)
    except NotOurs as fault:
        raise TokenUnknown from fault
    host = urlsplit(claims.issuer).hostname or ""
    asked = {"grant_id": claims.grant_id, "client_id": claims.client_id, "host": host, "now": clock.now()}
    row = await tx.one(_STANDS, asked)
    if row is None:
        raise TokenUnknown
    left = frozenset(claims.scopes) & frozenset(row["scopes"])
    of_shop, limits = makers.bounded(row, scoping.of_shop(left))
    scopes = of_shop.union(scoping.of_customers(left))
    return Bearer(
        claims,
        row["subject"],
        row["subject_id"],
        row["name"],
        row["display_name"],
        scopes,
        maker=row["created_by"],
        limits=limits,
        channel=row["channel"],
    )


def staff_of(tx: Tx, found: Bearer) -> Staff:
    """The program as somebody who acts for the shop.

    Raises:
        TokenUnknown: it acts for a customer.
    """
    if found.subject != "client":
        raise TokenUnknown
    scopes = frozenset(scoping.of_shop(found.scopes))
    return Staff(
        tx.tenant_id,
        found.claims.grant_id,
        found.client_name,
        scopes,
        kind="grant",
        limits=found.limits,
        maker=found.maker,
    )


def shopper_of(tx: Tx, found: Bearer, method: str) -> Shopper:
    """The customer that the program acts for. It has no account here: a program can't change how somebody signs in.

    Raises:
        TokenUnknown: it acts for no customer.
        ScopeNotGranted: this reads and it may only write, or the other way round.
    """
    if found.subject != "customer":
        raise TokenUnknown
    scope = scoping.READ if method in SAFE else scoping.WRITE
    if scope not in found.scopes:
        raise ScopeNotGranted(scope=scope)
    grant_id = found.claims.grant_id
    return Shopper(tx.tenant_id, grant_id, grant_id, found.subject_id, found.display_name, (), channel=found.channel)
