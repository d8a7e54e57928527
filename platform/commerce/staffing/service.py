"""Who works here: listed, invited, given other roles, suspended, removed.

Whoever changes somebody holds at least what that person holds: a support agent who may invite people can't suspend an
admin. Changes of the shop's admins are made one at a time, so two can't remove each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.identity import accounts, acting, keys, proofs
from commerce.identity.acting import Ending
from commerce.identity.proofs import Purpose
from commerce.identity.staff import Staff
from commerce.notifications import letters
from commerce.notifications import service as notifications
from commerce.notifications.letters import Letter
from commerce.notifications.service import Recipient
from commerce.plans import service as plans
from commerce.plans.catalogue import Metric
from commerce.policies.limits import NONE, Limits, Said
from commerce.policies.roles import ADMIN
from commerce.staffing.granting import Grant, come_to, grantable, said_in, within
from commerce.staffing.refusals import InvitedAlready, LastAdmin, NotInvited, Stale, UnknownMember
from commerce.staffing.schemas import LimitsOut, MemberOut
from foundation import audit, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id

letters.declare(
    staff_invitation=Letter(
        "You are invited to work at {{ shop }}",
        "Hello,\n\nyou are invited to work at {{ shop }}. Open the link within seven days to accept. If you did not "
        "expect this, there is nothing to do.",
        "Accept the invitation",
    )
)

_COLUMNS = """m.id, m.account_id, m.vendor_id, m.status, m.roles, m.role_ids, CAST(m.limits AS text) AS limits,
              m.version, m.created_at, m.accepted_at, coalesce(a.email, m.email) AS email, a.display_name AS name,
              m.invited_by"""
_FROM = "FROM membership m LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id"
_LIVE = "m.tenant_id = :tenant_id AND m.status <> 'removed'"
_OF = "(CAST(:vendor_id AS uuid) IS NULL OR m.vendor_id = CAST(:vendor_id AS uuid))"
LISTED = 1_000
# pk_membership
_LIST = hot(text(f"SELECT {_COLUMNS} {_FROM} WHERE {_LIVE} AND {_OF} ORDER BY m.id LIMIT {LISTED}"))
_ONE = hot(text(f"SELECT {_COLUMNS} {_FROM} WHERE {_LIVE} AND {_OF} AND m.id = :id"))
_HOLD = hot(text(f"SELECT {_COLUMNS} {_FROM} WHERE {_LIVE} AND {_OF} AND m.id = :id FOR UPDATE OF m"))
# uq_membership_account
_OF_ACCOUNT = hot(text(f"SELECT {_COLUMNS} {_FROM} WHERE {_LIVE} AND m.account_id = :account_id"))
# uq_membership_email_digest
_INVITED_AT = hot(text(f"SELECT m.id {_FROM} WHERE {_LIVE} AND m.email_digest = :digest AND m.status = 'invited'"))
_COUNT = hot(
    text("SELECT count(*) FROM membership WHERE tenant_id = :tenant_id AND status <> 'removed' AND vendor_id IS NULL")
)
_INVITE = hot(
    text(
        """
        INSERT INTO membership (tenant_id, id, email, email_digest, vendor_id, status, roles, role_ids, limits,
                                invited_by)
        VALUES (:tenant_id, :id, :email, :email_digest, CAST(:vendor_id AS uuid), 'invited', :roles, :role_ids,
                CAST(:limits AS jsonb), :invited_by)
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE membership SET roles = :roles, role_ids = :role_ids, limits = CAST(:limits AS jsonb),
               version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_SET_STATUS = hot(
    text(
        """
        UPDATE membership SET status = :status, version = version + 1,
               email = CASE WHEN :status = 'removed' THEN NULL ELSE email END,
               email_digest = CASE WHEN :status = 'removed' THEN NULL ELSE email_digest END
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
# Whoever changes an admin holds them all: two can't be the last but one.
_ADMINS = hot(
    text(
        """
        SELECT id FROM membership
        WHERE tenant_id = :tenant_id AND status = 'active' AND vendor_id IS NULL AND 'admin' = ANY (roles)
        ORDER BY id FOR UPDATE
        """
    )
)


async def counted(tx: Tx) -> int:
    """How many people work for the shop itself, those invited among them."""
    row = await tx.one(_COUNT)
    return int(row[0]) if row else 0


async def make_room(tx: Tx) -> None:
    """Stop unless the shop's plan has room for one more of its own people.

    Raises:
        PlanLimitReached.
    """
    await plans.alone(tx, Metric.STAFF)
    await plans.make_room(tx, Metric.STAFF, there=await counted(tx))


async def every(tx: Tx, vendor_id: UUID | None) -> list[MemberOut]:
    """Who works for a vendor; without one for the shop, its vendors' people too."""
    return await _opened(tx, await tx.rows(_LIST, {"vendor_id": vendor_id}))


_WAREHOUSES = hot(text("SELECT id, code, name FROM warehouse WHERE tenant_id = :tenant_id ORDER BY priority, code"))


async def warehouses(tx: Tx, *, limits: Limits = NONE) -> list[tuple[UUID, str]]:
    """The warehouses that whoever has these limits can bind people to, with their names."""
    return [(row["id"], row["name"]) for row in await tx.rows(_WAREHOUSES) if limits.sees(row["id"])]


async def said_of(tx: Tx, member_id: UUID) -> Said:
    """What the membership of somebody who works here says of their bounds.

    Raises:
        UnknownMember.
    """
    row = await tx.one(_ONE, {"id": member_id, "vendor_id": None})
    if row is None:
        raise UnknownMember
    return grant_of_row(row).said


async def one(tx: Tx, member_id: UUID, vendor_id: UUID | None = None) -> MemberOut:
    """Somebody who works here; when `vendor_id` is given, only for that vendor.

    Raises:
        UnknownMember.
    """
    row = await tx.one(_ONE, {"id": member_id, "vendor_id": vendor_id})
    if row is None:
        raise UnknownMember
    return (await _opened(tx, [row]))[0]


async def of_account(tx: Tx, account_id: UUID) -> MemberOut | None:
    """The owner of an account as somebody who works here, suspended or not."""
    row = await tx.one(_OF_ACCOUNT, {"account_id": account_id})
    return (await _opened(tx, [row]))[0] if row is not None else None


async def invited_at(tx: Tx, email: str) -> UUID | None:
    """The membership that whoever has an address is invited to."""
    row = await tx.one(_INVITED_AT, {"digest": accounts.email_digest(tx.tenant_id, email)})
    return row["id"] if row is not None else None


async def invite(
    tx: Tx, by: Staff, vendor_id: UUID | None, *, email: str, grant: Grant, home: str, locale: str
) -> MemberOut:
    """Invite somebody by mail; the link in it is shown to nobody else.

    Raises:
        UnknownRole, UnknownWarehouse, CannotGrant, WiderLimits: they can't be given this by whoever asks.
        InvitedAlready: they are, or work here.
    """
    await grantable(tx, by, grant, vendor_id)
    return await invited(tx, vendor_id, email=email, grant=grant, invited_by=by.principal, home=home, locale=locale)


async def invited(
    tx: Tx, vendor_id: UUID | None, *, email: str, grant: Grant, invited_by: str, home: str, locale: str
) -> MemberOut:
    """`invite` on nobody's behalf: whoever calls has seen to it that they may.

    Raises:
        InvitedAlready.
        PlanLimitReached: the shop's plan has no room for more people of its own; a vendor's are not counted.
    """
    member_id = await _expect(tx, vendor_id, email=email, grant=grant, invited_by=invited_by)
    await _send(tx, member_id, email, home, locale)
    return await one(tx, member_id, vendor_id)


async def invite_by_link(
    tx: Tx, by: Staff, vendor_id: UUID | None, *, email: str, grant: Grant, home: str
) -> tuple[UUID, str]:
    """`invite`, without a mail: the membership, and the link, for whoever hands it over by a way of their own.

    Raises:
        UnknownRole, UnknownWarehouse, CannotGrant, WiderLimits, InvitedAlready, PlanLimitReached.
    """
    await grantable(tx, by, grant, vendor_id)
    member_id = await _expect(tx, vendor_id, email=email, grant=grant, invited_by=by.principal)
    return member_id, await _link(tx, member_id, home)


async def link_again(tx: Tx, by: Staff, member_id: UUID, *, home: str) -> str:
    """Another link for an invitation; the one before is good for nothing from now on.

    Raises:
        UnknownMember, NotInvited, CannotGrant, WiderLimits.
    """
    await _invited(tx, by, None, member_id)
    return await _link(tx, member_id, home)


async def _expect(tx: Tx, vendor_id: UUID | None, *, email: str, grant: Grant, invited_by: str) -> UUID:
    """Somebody may begin to work here, who does not know it yet."""
    if vendor_id is None:
        await make_room(tx)
    member_id = new_id()
    (sealed,) = await sealing.seal(tx, member_id, [email])
    values = {
        "id": member_id,
        "email": sealed,
        "email_digest": accounts.email_digest(tx.tenant_id, email),
        "vendor_id": vendor_id,
        "invited_by": invited_by,
        **granted(grant),
    }
    account = await accounts.by_email(tx, email)
    if account is not None and await of_account(tx, account.id) is not None:
        raise InvitedAlready
    try:
        await tx.rows(_INVITE, values)
    except asyncpg.UniqueViolationError as fault:
        raise InvitedAlready from fault
    await note(tx, invited_by, "staffing.invited", member_id, grant)
    return member_id


async def invite_again(tx: Tx, by: Staff, vendor_id: UUID | None, member_id: UUID, *, home: str, locale: str) -> None:
    """Send the invitation once more; the link sent before is good for nothing from now on.

    Raises:
        UnknownMember, NotInvited, CannotGrant, WiderLimits.
    """
    await _send(tx, member_id, await _invited(tx, by, vendor_id, member_id), home, locale)


async def change(tx: Tx, by: Staff, vendor_id: UUID | None, member_id: UUID, grant: Grant, version: int) -> MemberOut:
    """Give somebody other roles and limits in place of those they have.

    Raises:
        UnknownMember, Stale, LastAdmin.
        UnknownRole, UnknownWarehouse, CannotGrant, WiderLimits: whoever asks can't give it, or can't take what they
            have.
    """
    admins = await _admins(tx)
    row = await _held(tx, member_id, vendor_id)
    if row["version"] != version:
        raise Stale(version=row["version"])
    await _require_over(tx, by, row)
    await grantable(tx, by, grant, row["vendor_id"])
    if ADMIN.name not in grant.roles:
        _require_another(admins, member_id)
    await tx.rows(_CHANGE, {"id": member_id, **granted(grant)})
    await note(tx, by.principal, "staffing.changed", member_id, grant)
    return await one(tx, member_id, vendor_id)


async def set_status(
    tx: Tx, by: Staff, vendor_id: UUID | None, member_id: UUID, status: Literal["active", "suspended", "removed"]
) -> None:
    """Suspend somebody, let them back in, or remove them for good. Their keys end with the first and the last.

    Raises:
        UnknownMember, LastAdmin, CannotGrant, WiderLimits.
        NotInvited: they have not accepted yet, so they can only be removed.
    """
    admins = await _admins(tx)
    row = await _held(tx, member_id, vendor_id)
    await _require_over(tx, by, row)
    if row["status"] == "invited" and status != "removed":
        raise NotInvited
    if status != "active":
        _require_another(admins, member_id)
        await proofs.end(tx, [Purpose.STAFF], [member_id.bytes])
        await acting.end_of_member(tx, member_id, Ending.WITHDRAWN, by=by.principal)
        if row["account_id"] is not None:
            await keys.end_all_of(tx, f"account:{row['account_id']}")
    await tx.rows(_SET_STATUS, {"id": member_id, "status": status})
    await audit.record(tx, actor=by.principal, action=f"staffing.{_DONE[status]}", object=f"member:{member_id}")


_DONE = {"active": "let_back", "suspended": "suspended", "removed": "removed"}


async def note(tx: Tx, principal: str, action: str, member_id: UUID, grant: Grant) -> None:
    """Write down what somebody was given."""
    details = {
        "roles": list(grant.roles),
        "role_ids": [str(role_id) for role_id in grant.role_ids],
        **grant.said.told(),
    }
    await audit.record(tx, actor=principal, action=action, object=f"member:{member_id}", details=details)


def grant_of_row(row: asyncpg.Record) -> Grant:
    """What a membership gives."""
    return Grant(tuple(row["roles"]), tuple(row["role_ids"]), said_in(row))


async def _require_over(tx: Tx, by: Staff, row: asyncpg.Record) -> None:
    within(by, await come_to(tx, grant_of_row(row), row["vendor_id"]))


async def _held(tx: Tx, member_id: UUID, vendor_id: UUID | None) -> asyncpg.Record:
    row = await tx.one(_HOLD, {"id": member_id, "vendor_id": vendor_id})
    if row is None:
        raise UnknownMember
    return row


async def _admins(tx: Tx) -> set[UUID]:
    return {row["id"] for row in await tx.rows(_ADMINS)}


def _require_another(admins: set[UUID], member_id: UUID) -> None:
    if admins == {member_id}:
        raise LastAdmin


async def _invited(tx: Tx, by: Staff, vendor_id: UUID | None, member_id: UUID) -> str:
    """The address of somebody who has not accepted yet."""
    row = await _held(tx, member_id, vendor_id)
    await _require_over(tx, by, row)
    (email,) = await sealing.unseal(tx, [row["email"]])
    if row["status"] != "invited" or email is None:
        raise NotInvited
    return email


async def _send(tx: Tx, member_id: UUID, email: str, home: str, locale: str) -> None:
    to = Recipient(member_id, "email", email, locale)
    await notifications.send(tx, "staff_invitation", to, {"link": await _link(tx, member_id, home)})


async def _link(tx: Tx, member_id: UUID, home: str) -> str:
    """What is good once, for seven days, in place of any before."""
    # The proof has a key of its own: when it is over, what it says is forgotten, and the membership's address is not.
    token = await proofs.issue_token(
        tx, Purpose.STAFF, target=member_id.bytes, subject_id=new_id(), content={"member_id": str(member_id)}
    )
    return f"{home}/back-office/invitation?token={token}"


def granted(grant: Grant) -> dict[str, object]:
    """A grant as a membership keeps it."""
    return {
        "roles": list(grant.roles),
        "role_ids": list(grant.role_ids),
        "limits": orjson.dumps(grant.said.kept()).decode(),
    }


async def _opened(tx: Tx, found: Sequence[asyncpg.Record]) -> list[MemberOut]:
    opened = await sealing.unseal(tx, [value for row in found for value in (row["name"], row["email"])])
    return [
        MemberOut(
            id=row["id"],
            account_id=row["account_id"],
            name=opened[2 * at],
            email=opened[2 * at + 1],
            vendor_id=row["vendor_id"],
            status=row["status"],
            roles=tuple(row["roles"]),
            role_ids=tuple(row["role_ids"]),
            limits=LimitsOut.of(said_in(row)),
            version=row["version"],
            created_at=row["created_at"],
            accepted_at=row["accepted_at"],
        )
        for at, row in enumerate(found)
    ]
