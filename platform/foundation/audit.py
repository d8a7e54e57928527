"""The audit log: who did what to what, and why, written in the transaction that did it.

A row is written plain and commits with what it tells of; `commerce.audit` links rows into a chain of hashes afterwards.
What people are called and how they are reached stays out of it: actors and objects are named by ids, details are codes
and numbers, and a reason, which is somebody's own words, is sealed (`foundation.sealing`). A row outlives the person
it speaks of: what is hashed is the sealed text, so the chain holds when its key has been thrown away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation import clock, sealing
from foundation.database import Base, Tx, hot, witnessed_by
from foundation.ids import new_id
from foundation.tables import Str, TenantOwned, Timestamp

Detail = str | int | bool | UUID | None | Sequence[str]
WITHHELD = "withheld"
"""What stands for a detail that is neither a code nor an id."""
_CODE = re.compile(r"[\w:.,/+*=-]{0,200}", re.ASCII)
_ACTION = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")


class AuditEntry(TenantOwned, Base):
    """Something that somebody did. `seq`, `prev` and `hash` are its place in the chain, once it has one."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint(
            "(seq IS NULL AND prev IS NULL AND hash IS NULL) OR (seq > 0 AND prev IS NOT NULL AND hash IS NOT NULL)",
            name="linked",
        ),
        Index("uq_audit_entry_seq", "tenant_id", "seq", unique=True),
        Index("ix_audit_entry_unlinked", "tenant_id", "at", "id", postgresql_where=text("seq IS NULL")),
        Index("ix_audit_entry_object", "tenant_id", "object", "id"),
        Index("ix_audit_entry_actor", "tenant_id", "actor", "id"),
        Index("ix_audit_entry_action", "tenant_id", "action", "id"),
    )

    at: Mapped[Timestamp]
    actor: Mapped[Str]
    """The principal: `key:...`, `account:...`, `system:worker`."""
    action: Mapped[Str]
    """`orders.refund`"""
    object: Mapped[Str | None]
    """`order:...`"""
    reason: Mapped[Str | None]
    """Sealed."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Codes, numbers and ids."""
    seq: Mapped[int | None] = mapped_column(BigInteger)
    """1, 2, 3, ... of a tenant."""
    prev: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The hash of the row before."""
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditCheckpoint(TenantOwned, Base):
    """How far the chain had come, signed, so that a chain that was cut short or written anew is found out."""

    __tablename__ = "audit_checkpoint"
    __table_args__ = (Index("ix_audit_checkpoint_seq", "tenant_id", "seq"),)

    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[Timestamp]
    signed_by: Mapped[Str]
    """The name of the key."""
    signature: Mapped[bytes] = mapped_column(LargeBinary)


_INSERT = """
    INSERT INTO audit_entry (tenant_id, id, at, actor, action, object, reason, details)
    SELECT :tenant_id, :id, CAST(:at AS timestamptz), CAST(:actor AS text), CAST(:action AS text),
           CAST(:object AS text), CAST(:reason AS text), CAST(:details AS jsonb)
"""
_RECORD = hot(text(_INSERT))
# A transaction that has written nothing has no number.
_RECORD_A_CHANGE = hot(text(f"{_INSERT} WHERE pg_current_xact_id_if_assigned() IS NOT NULL RETURNING id"))


async def record(
    tx: Tx,
    *,
    actor: str,
    action: str,
    object: str | None = None,  # noqa: A002  (what an audit log calls it)
    reason: str | None = None,
    about: UUID | None = None,
    details: Mapping[str, Detail] | None = None,
) -> UUID:
    """Write down, in the transaction that does it, that somebody did something; gives the entry's id.

    `actor` is the principal of whoever acts, `action` a name such as `orders.refund`, `object` what it was done to,
    such as `order:<id>`. `about` is the person whom the reason speaks of: it is sealed by their key, and goes with
    them; without one it is sealed by the tenant's. Details are codes, numbers and ids: any other text is withheld, so
    that nobody's name comes in unseen.

    Raises:
        ValueError: `action` is no such name.
    """
    if not _ACTION.fullmatch(action):
        raise ValueError(f"an action is named like orders.refund, not {action!r}")
    sealed = (await sealing.seal(tx, about or tx.tenant_id, [reason]))[0] if reason else None
    values = _values(actor, action, object, details or {}) | {"reason": sealed}
    await tx.rows(_RECORD, values)
    return UUID(str(values["id"]))


def _values(actor: str, action: str, named: str | None, details: Mapping[str, Detail]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "at": clock.now(),
        "actor": _code(actor),
        "action": action,
        "object": _code(named) if named is not None else None,
        "reason": None,
        "details": json.dumps({name: _detail(value) for name, value in details.items()}),
    }


@dataclass(slots=True)
class Deed:
    """What a request of staff or of a program is about to do: written down by the transaction that does it."""

    actor: str
    action: str
    object: str | None
    details: Mapping[str, Detail]
    is_written: bool = field(default=False, init=False)

    async def write(self, tx: Tx) -> None:
        """Write it down in the first transaction of the request that has changed something."""
        if not self.is_written:
            values = _values(self.actor, self.action, self.object, self.details)
            self.is_written = await tx.one(_RECORD_A_CHANGE, values) is not None


_deed: ContextVar[Deed | None] = ContextVar("tradewind_deed", default=None)


def begin(deed: Deed) -> None:
    """Have `deed` written down with what the rest of this request changes; nothing is when it changes nothing."""
    _deed.set(deed)
    witnessed_by(deed.write)


def actor() -> str | None:
    """The principal whose deed this request is; `None` outside of one."""
    deed = _deed.get()
    return None if deed is None else deed.actor


def made(kind: str, object_id: object) -> None:
    """Say what the request has made, of which its address could not tell the id; within the transaction."""
    deed = _deed.get()
    if deed is not None:
        deed.object = f"{kind}:{object_id}"


def _detail(value: Detail) -> str | int | bool | list[str] | None:
    match value:
        case None | bool() | int():
            return value
        case str() | UUID():
            return _code(str(value))
        case _:
            return [_code(str(one)) for one in value]


def _code(value: str) -> str:
    return value if _CODE.fullmatch(value) else WITHHELD
