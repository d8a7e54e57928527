"""Instruments kept for customers: set up and forgotten at their provider, outside any transaction."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.payments.methods.schemas import MethodIn, MethodOut, SetupWaiting
from commerce.payments.providers import Providers
from commerce.payments.providers.contract import ActionRequired, Provider, Refused, SavedMethod, SavesMethods, Setup
from commerce.payments.providers.registry import OF_THE_SHOP
from commerce.policies import areas
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import Conflict, NotFound, Problem, Unprocessable
from foundation.ids import new_id

MAX_METHODS = 20


class MethodNotFound(NotFound):
    """This customer has kept no such instrument."""

    code = "payments.method_not_found"

    method_id: UUID


class MethodsNotSaved(Unprocessable):
    """This provider keeps no instruments."""

    code = "payments.methods_not_saved"

    provider: str


class MethodWasRefused(Problem):
    """The provider would not keep the instrument."""

    status = 402
    code = "payments.method_refused"

    reason: str


class SetupNotFound(NotFound):
    """This customer has begun to keep no such instrument, or has had it forgotten."""

    code = "payments.setup_not_found"


class TooManyMethods(Conflict):
    """A customer can keep only so many instruments; one must go first."""

    code = "payments.too_many_methods"

    limit: int


@dataclass(frozen=True, slots=True)
class KeptMethod:
    """An instrument as a payment needs it."""

    id: UUID
    provider: str
    token: str


# uq_payment_method_token
_LIST = hot(
    text(
        """
        SELECT id, provider, label, expires, is_default, created_at FROM payment_method
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id ORDER BY is_default DESC, created_at DESC, id DESC
        """
    )
)

_COUNT = hot(text("SELECT count(*) FROM payment_method WHERE tenant_id = :tenant_id AND customer_id = :customer_id"))

# The customer's row is held, so that of two at once one makes the first default and one counts the other.
_HOLD = hot(text("SELECT id FROM customer WHERE tenant_id = :tenant_id AND id = :customer_id FOR UPDATE"))

_KEEP = hot(
    text(
        """
        INSERT INTO payment_method (tenant_id, id, customer_id, provider, token, label, expires, is_default, created_at)
        VALUES (:tenant_id, :id, :customer_id, :provider, :token, :label, CAST(:expires AS date), false,
                CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, customer_id, provider, token)
            DO UPDATE SET label = excluded.label, expires = excluded.expires
        RETURNING id
        """
    )
)

_DEFAULT = hot(
    text(
        """
        UPDATE payment_method SET is_default = true
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND id = :id RETURNING id
        """
    )
)

_NO_DEFAULT = hot(
    text(
        """
        UPDATE payment_method SET is_default = false
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND is_default
        """
    )
)

_NEWEST_IS_DEFAULT = hot(
    text(
        """
        UPDATE payment_method SET is_default = true
        WHERE tenant_id = :tenant_id AND id = (
            SELECT id FROM payment_method WHERE tenant_id = :tenant_id AND customer_id = :customer_id
            ORDER BY created_at DESC, id DESC LIMIT 1)
          AND NOT EXISTS (SELECT FROM payment_method
                          WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND is_default)
        """
    )
)

_ONE = hot(
    text(
        """
        SELECT id, provider, token FROM payment_method
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND id = :id
        """
    )
)

_GONE = hot(
    text(
        """
        DELETE FROM payment_method WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND id = :id
        """
    )
)


_WAIT = hot(
    text(
        """
        INSERT INTO payment_method_setup (tenant_id, id, customer_id, provider, reference, is_default, created_at)
        VALUES (:tenant_id, :id, :customer_id, :provider, :reference, :is_default, CAST(:now AS timestamptz))
        """
    )
)

_SETUP = hot(
    text(
        """
        SELECT provider, reference, is_default, status, refusal, method_id FROM payment_method_setup
        WHERE tenant_id = :tenant_id AND id = :id AND customer_id = :customer_id
        """
    )
)

# ix_payment_method_setup_customer
_LATEST = hot(
    text(
        """
        SELECT id FROM payment_method_setup WHERE tenant_id = :tenant_id AND customer_id = :customer_id
        ORDER BY id DESC LIMIT 1
        """
    )
)

_DECIDE = hot(
    text(
        """
        UPDATE payment_method_setup
        SET status = CASE WHEN CAST(:refusal AS text) IS NULL THEN 'kept' ELSE 'refused' END,
            refusal = CAST(:refusal AS text)
        WHERE tenant_id = :tenant_id AND id = :id AND status = 'waiting' RETURNING id
        """
    )
)

_BECAME = hot(text("UPDATE payment_method_setup SET method_id = :method_id WHERE tenant_id = :tenant_id AND id = :id"))


async def kept(tx: Tx, customer_id: UUID) -> list[MethodOut]:
    """What a customer has kept, the default first, then the newest."""
    return [MethodOut.model_validate(dict(row)) for row in await tx.rows(_LIST, {"customer_id": customer_id})]


async def one(tx: Tx, customer_id: UUID | None, method_id: UUID, *, provider: str | None = None) -> KeptMethod:
    """An instrument of a customer, to pay with; of a certain provider, when one is given.

    Raises:
        MethodNotFound: there is none, or it is another's; a visitor who has not signed in has none.
    """
    row = await tx.one(_ONE, {"customer_id": customer_id, "id": method_id})
    if row is None or provider not in (None, row["provider"]):
        raise MethodNotFound(method_id=method_id)
    return KeptMethod(row["id"], row["provider"], row["token"])


async def token_of(tx: Tx, shopper: Shopper, *, provider: str, token: str | None, method_id: UUID | None) -> str:
    """What stands for an instrument to pay with: what the browser was given, or what the customer has kept.

    Raises:
        MethodNotFound: the customer has kept no such one with this provider.
        NotWhileActing: one of the staff who acts as the customer would pay by what the customer has with the shop.
    """
    if shopper.acting is not None and provider in OF_THE_SHOP:
        areas.require_open(areas.STORED_VALUE)
    if method_id is None:
        return token or ""
    if shopper.acting is not None:
        areas.require_open(areas.PAYMENT_METHODS)
    return (await one(tx, shopper.customer_id, method_id, provider=provider)).token


async def keep(
    database: Database, provider: Provider, tenant_id: UUID, customer_id: UUID, body: MethodIn
) -> MethodOut | SetupWaiting:
    """Have a provider keep an instrument. A customer's first one is their default; the same one again is the same.

    Gives what its owner has to do first, if its bank wants to see them.

    Raises:
        MethodsNotSaved, TooManyMethods: the provider was not asked.
        MethodWasRefused: it won't.
        ProviderUnavailable: it does not answer.
    """
    if not isinstance(provider, SavesMethods):
        raise MethodsNotSaved(provider=provider.name)
    async with database.tx(tenant_id, read_only=True) as tx:
        await _require_room(tx, customer_id)
    setup_id = new_id()
    answer = await provider.setup(Setup(tenant_id, setup_id, customer_id, body.token, return_url=body.return_url))
    if isinstance(answer, Refused):
        raise MethodWasRefused(reason=answer.reason)
    async with database.tx(tenant_id) as tx:
        if isinstance(answer, ActionRequired):
            values = {"id": setup_id, "customer_id": customer_id, "provider": provider.name}
            values |= {"reference": answer.reference, "is_default": body.is_default, "now": clock.now()}
            await tx.rows(_WAIT, values)
            return SetupWaiting(setup_id=setup_id, action_url=answer.url)
        await tx.rows(_HOLD, {"customer_id": customer_id})
        method_id = await _write(tx, customer_id, provider.name, answer, is_default=body.is_default)
        return await _shown(tx, customer_id, method_id)


async def go_on(
    database: Database, providers: Providers, tenant_id: UUID, customer_id: UUID, setup_id: UUID
) -> MethodOut | SetupWaiting:
    """The customer is back from what they had to do; any number of times.

    Raises:
        SetupNotFound: it is none of theirs, or what it kept is forgotten.
        MethodWasRefused, TooManyMethods: nothing is kept.
        ProviderUnavailable: it does not answer; the setup waits still.
    """
    async with database.tx(tenant_id, read_only=True) as tx:
        setup = await _setup(tx, customer_id, setup_id)
        if setup["status"] != "waiting":
            return await _ended(tx, customer_id, setup)
        await _require_room(tx, customer_id)
    provider = providers.named(setup["provider"])
    if not isinstance(provider, SavesMethods):
        raise MethodsNotSaved(provider=provider.name)
    asked = Setup(tenant_id, setup_id, customer_id, reference=setup["reference"])
    answer = await provider.resume_setup(asked)
    if isinstance(answer, ActionRequired):
        return SetupWaiting(setup_id=setup_id, action_url=answer.url)
    async with database.tx(tenant_id) as tx:
        await tx.rows(_HOLD, {"customer_id": customer_id})
        refusal = answer.reason if isinstance(answer, Refused) else None
        if await tx.one(_DECIDE, {"id": setup_id, "refusal": refusal}) is None:
            return await _ended(tx, customer_id, await _setup(tx, customer_id, setup_id))
        if isinstance(answer, SavedMethod):
            method_id = await _write(tx, customer_id, provider.name, answer, is_default=setup["is_default"])
            await tx.rows(_BECAME, {"id": setup_id, "method_id": method_id})
            return await _shown(tx, customer_id, method_id)
    raise MethodWasRefused(reason=answer.reason)


async def latest_setup(tx: Tx, customer_id: UUID) -> UUID:
    """The last setup for which a customer's bank wanted to see them.

    Raises:
        SetupNotFound: there was none.
    """
    row = await tx.one(_LATEST, {"customer_id": customer_id})
    if row is None:
        raise SetupNotFound
    setup_id: UUID = row["id"]
    return setup_id


async def _setup(tx: Tx, customer_id: UUID, setup_id: UUID) -> asyncpg.Record:
    row = await tx.one(_SETUP, {"customer_id": customer_id, "id": setup_id})
    if row is None:
        raise SetupNotFound
    return row


async def _ended(tx: Tx, customer_id: UUID, setup: asyncpg.Record) -> MethodOut:
    if setup["refusal"] is not None:
        raise MethodWasRefused(reason=setup["refusal"])
    return await _shown(tx, customer_id, setup["method_id"])


async def _shown(tx: Tx, customer_id: UUID, method_id: UUID) -> MethodOut:
    method = next((method for method in await kept(tx, customer_id) if method.id == method_id), None)
    if method is None:
        raise SetupNotFound
    return method


async def prefer(tx: Tx, customer_id: UUID, method_id: UUID) -> None:
    """Make an instrument the customer's default.

    Raises:
        MethodNotFound: there is none, or it is another's.
    """
    await tx.rows(_HOLD, {"customer_id": customer_id})
    await tx.rows(_NO_DEFAULT, {"customer_id": customer_id})
    if await tx.one(_DEFAULT, {"customer_id": customer_id, "id": method_id}) is None:
        raise MethodNotFound(method_id=method_id)


async def forget(
    database: Database, provider: Provider, tenant_id: UUID, customer_id: UUID, method: KeptMethod
) -> None:
    """Have the provider keep an instrument no longer, then forget its token; the newest left is the default.

    Raises:
        ProviderUnavailable: it does not answer; the instrument is still there.
    """
    if isinstance(provider, SavesMethods):
        await provider.forget(tenant_id, method.token)
    async with database.tx(tenant_id) as tx:
        await tx.rows(_HOLD, {"customer_id": customer_id})
        await tx.rows(_GONE, {"customer_id": customer_id, "id": method.id})
        await tx.rows(_NEWEST_IS_DEFAULT, {"customer_id": customer_id})


async def _write(tx: Tx, customer_id: UUID, provider: str, saved: SavedMethod, *, is_default: bool) -> UUID:
    values: dict[str, object] = {
        "customer_id": customer_id,
        "provider": provider,
        "token": saved.token,
        "label": saved.label,
    }
    values |= {"id": new_id(), "expires": saved.expires, "now": clock.now()}
    row = await tx.one(_KEEP, values)
    if row is None:
        raise RuntimeError("an upsert gave no row")
    method_id: UUID = row["id"]
    if is_default:
        await tx.rows(_NO_DEFAULT, {"customer_id": customer_id})
        await tx.rows(_DEFAULT, {"customer_id": customer_id, "id": method_id})
    else:
        await tx.rows(_NEWEST_IS_DEFAULT, {"customer_id": customer_id})
    return method_id


async def _require_room(tx: Tx, customer_id: UUID) -> None:
    row = await tx.one(_COUNT, {"customer_id": customer_id})
    if row is not None and row[0] >= MAX_METHODS:
        raise TooManyMethods(limit=MAX_METHODS)
