"""Staff and programs: who acts for the shop; and keys with a name and scopes, of which only the hash is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from commerce.identity import makers, membership
from commerce.identity import secrets_shown_once as once
from commerce.policies import customers
from commerce.policies.limits import NONE, Giver, Limits
from commerce.policies.registry import SCOPES, require_scope
from foundation import clock
from foundation.database import Base, Tx, hot
from foundation.errors import Forbidden, Unauthenticated
from foundation.ids import new_id
from foundation.tables import Created, Str, TenantOwned, Timestamp, belongs_to
from foundation.tokens import token_hash

PREFIX = "twk_"
OLD_LENGTH = len(PREFIX) + 43
"""Of keys made before they had a check."""
SEEN_EVERY = timedelta(minutes=1)
"""How exact the last use of a key is."""


class KeyUnknown(Unauthenticated):
    """This needs a staff key in the Authorization header, and the one given is not good."""

    code = "identity.key_unknown"


class ScopeMissing(Forbidden):
    """The key does not carry the scope that this needs."""

    code = "identity.scope_missing"

    scope: str


class OfAVendor(Forbidden):
    """A vendor's key opens the vendor's own part of the shop only."""

    code = "identity.of_a_vendor"


class NotOfAVendor(Forbidden):
    """This is a vendor's part of the shop, and the key is not a vendor's."""

    code = "identity.not_of_a_vendor"


class ApiKey(TenantOwned, Base):
    """A key of a member of staff or a program."""

    __tablename__ = "api_key"
    __table_args__ = (
        belongs_to("vendor", "vendor_id"),
        Index("uq_api_key_token_hash", "tenant_id", "token_hash", unique=True),
    )

    name: Mapped[Str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    vendor_id: Mapped[UUID | None]
    """The vendor whose part of the shop it opens; without one it is the shop's own staff's."""
    prefix: Mapped[Str | None]
    """The beginning of the key, which is shown so that people know it from others."""
    created_by: Mapped[Str | None]
    """The principal of whoever made it."""
    last_used_at: Mapped[Timestamp | None]
    """To the minute."""
    created_at: Mapped[Created]
    expires_at: Mapped[Timestamp | None]
    revoked_at: Mapped[Timestamp | None]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is acting for the shop."""

    tenant_id: UUID
    key_id: UUID
    name: str
    scopes: frozenset[str]
    vendor_id: UUID | None = None
    kind: str = "key"
    """What `key_id` is: a `key`, a `grant` by which a program acts, or the `account` of a person."""
    is_due: bool = False
    """It has been a minute since the key was last seen to be used."""
    limits: Limits = NONE
    """What bounds them on top of their permissions."""
    session_id: UUID | None = None
    """The session a person is signed in to; keys and programs have none."""
    membership_id: UUID | None = None
    authenticated_at: datetime | None = None
    """When a person last proved who they are."""
    amr: tuple[str, ...] = ()
    """How (RFC 8176)."""
    maker: str | None = None
    """The principal of whoever made the key or registered the program, where that is known."""

    @property
    def principal(self) -> str:
        """The name idempotency keys are scoped by."""
        return f"{self.kind}:{self.key_id}"

    @property
    def responsible(self) -> str:
        """The principal of whoever answers for what is done: the person, or who made the key."""
        return self.maker or self.principal

    @property
    def giver(self) -> Giver:
        """In whose name they give value away."""
        return Giver(self.responsible, self.limits)

    def address(self, email: str | None) -> str | None:
        """A customer's e-mail address, for those who may know who customers are; to others it is as if there were none.

        Whatever of staff's shows an address asks here.
        """
        return email if customers.READ.name in self.scopes else None

    def require(self, scope: str) -> None:
        """Stop whoever may not do what the scope says.

        Raises:
            ForPeople: a key or a program asks, and only people may.
            ScopeMissing.
        """
        if scope not in self.scopes:
            if self.session_id is None:
                require_scope(scope)
            raise ScopeMissing(scope=scope)


# uq_api_key_token_hash
_BY_TOKEN = hot(
    text(
        f"""
        SELECT k.id, k.name, k.scopes, k.vendor_id, k.created_by,
               k.last_used_at IS NULL OR k.last_used_at <= CAST(:lately AS timestamptz) AS is_due, {membership.COLUMN}
        FROM api_key k {makers.join("k")}
        WHERE k.tenant_id = :tenant_id AND k.token_hash = :token_hash AND k.revoked_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > CAST(:now AS timestamptz))
        """  # noqa: S608  (literals)
    )
)


async def create_key(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    name: str,
    scopes: Sequence[str] = SCOPES,
    vendor_id: UUID | None = None,
) -> tuple[UUID, str]:
    """A new key's id and its token, which is shown once and never stored; a vendor's opens the vendor's part only.

    Raises:
        ValueError: there is no such scope, or only people have it.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"no key has the scope: {', '.join(sorted(unknown))}")
    token = once.new_secret(PREFIX)
    row = ApiKey(
        tenant_id=tenant_id,
        id=new_id(),
        name=name,
        token_hash=token_hash(token),
        prefix=once.shown_of(PREFIX, token),
        scopes=list(scopes),
        vendor_id=vendor_id,
    )
    session.add(row)
    await session.flush()
    return row.id, token


async def by_key(tx: Tx, token: str) -> Staff:
    """Who a key stands for. It may do no more than whoever made it.

    Raises:
        KeyUnknown: it is no key of this shop, or its time is over.
    """
    if len(token) != OLD_LENGTH and not once.is_well_formed(PREFIX, token):
        raise KeyUnknown
    now = clock.now()
    row = await tx.one(_BY_TOKEN, {"token_hash": token_hash(token), "now": now, "lately": now - SEEN_EVERY})
    if row is None:
        raise KeyUnknown
    scopes, limits = makers.bounded(row, row["scopes"])
    return Staff(
        tx.tenant_id,
        row["id"],
        row["name"],
        scopes,
        row["vendor_id"],
        is_due=row["is_due"],
        limits=limits,
        maker=row["created_by"],
    )
