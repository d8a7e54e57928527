"""Accounts: who a person is once they sign in, found by what they are reached by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import phonenumbers
from sqlalchemy import text

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import Context, CustomerRegistered, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.veil import Personal


class AccountNotFound(NotFound):
    """There is no such account, or it is closed."""

    code = "identity.account_not_found"


class AddressTaken(Conflict):
    """Another account is reached by this e-mail address or number."""

    code = "identity.address_taken"


class PhoneInvalid(Unprocessable):
    """This is no telephone number that can be called; begin it with + and the country's code."""

    code = "identity.phone_invalid"


@dataclass(frozen=True, slots=True)
class Account:
    """An account with what is sealed in it opened."""

    id: UUID
    customer_id: UUID | None
    """Whom they buy as."""
    display_name: str
    email: str | None
    email_verified_at: datetime | None
    phone: str | None
    phone_verified_at: datetime | None
    password_hash: str | None
    password_changed_at: datetime | None
    created_at: datetime

    @property
    def subject_id(self) -> UUID:
        """By whose key their data is sealed."""
        return self.customer_id or self.id


def email_digest(tenant_id: UUID, email: str) -> bytes:
    """What an account with this address is found by."""
    return sealing.digest(tenant_id, "email", email.strip().lower())


def phone_digest(tenant_id: UUID, phone: str) -> bytes:
    """What an account with this number, in E.164, is found by."""
    return sealing.digest(tenant_id, "phone", phone)


def phone_of(written: str, locale: str) -> str:
    """A telephone number in E.164; without a country's code it is one of the locale's country.

    Raises:
        PhoneInvalid: nobody can have that number.
    """
    region = locale.replace("_", "-").partition("-")[2].upper() or None
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException as fault:
        raise PhoneInvalid from fault
    if not phonenumbers.is_valid_number(number):
        raise PhoneInvalid
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_COLUMNS = """a.id, a.customer_id, a.display_name, a.email, a.email_verified_at, a.phone, a.phone_verified_at,
              a.password_hash, a.password_changed_at, a.created_at"""
_ACTIVE = f"SELECT {_COLUMNS} FROM account a WHERE a.tenant_id = :tenant_id AND a.status = 'active'"  # noqa: S608
# uq_account_email_digest
_BY_EMAIL = hot(text(f"{_ACTIVE} AND a.email_digest = :digest"))
# uq_account_phone_digest
_BY_PHONE = hot(text(f"{_ACTIVE} AND a.phone_digest = :digest"))
_BY_ID = hot(text(f"{_ACTIVE} AND a.id = :account_id"))
_HOLD = hot(text(f"{_ACTIVE} AND a.id = :account_id FOR NO KEY UPDATE"))
# uq_account_customer
_BY_CUSTOMER = hot(text(f"{_ACTIVE} AND a.customer_id = :customer_id"))


async def by_email(tx: Tx, email: str) -> Account | None:
    """The account with an address, whether or not it is verified."""
    return await _opened(tx, await tx.one(_BY_EMAIL, {"digest": email_digest(tx.tenant_id, email)}))


async def by_phone(tx: Tx, phone: str) -> Account | None:
    """The account with a number in E.164."""
    return await _opened(tx, await tx.one(_BY_PHONE, {"digest": phone_digest(tx.tenant_id, phone)}))


async def by_customer(tx: Tx, customer_id: UUID) -> Account | None:
    """The account that buys as a customer."""
    return await _opened(tx, await tx.one(_BY_CUSTOMER, {"customer_id": customer_id}))


async def by_id(tx: Tx, account_id: UUID, *, hold: bool = False) -> Account:
    """An account; with `hold` nobody else changes it before this transaction ends.

    Raises:
        AccountNotFound.
    """
    found = await _opened(tx, await tx.one(_HOLD if hold else _BY_ID, {"account_id": account_id}))
    if found is None:
        raise AccountNotFound
    return found


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a password is compared with."""

    account_id: UUID
    password_hash: str | None


# uq_account_email_digest
_CREDENTIALS = hot(
    text(
        """
        SELECT id, password_hash FROM account
        WHERE tenant_id = :tenant_id AND email_digest = :digest AND status = 'active'
        """
    )
)


async def credentials(tx: Tx, email: str) -> Credentials | None:
    """What the password of the account with an address is compared with. Nothing is opened, which would take longer
    than to find nothing.
    """
    row = await tx.one(_CREDENTIALS, {"digest": email_digest(tx.tenant_id, email)})
    return Credentials(row["id"], row["password_hash"]) if row else None


_INSERT = hot(
    text(
        """
        INSERT INTO account (tenant_id, id, customer_id, display_name, email, email_digest, email_verified_at,
                             phone, phone_digest, phone_verified_at, password_hash, password_changed_at, created_at)
        VALUES (:tenant_id, :id, CAST(:customer_id AS uuid), :display_name, :email, :email_digest,
                CAST(:email_verified_at AS timestamptz), :phone, :phone_digest,
                CAST(:phone_verified_at AS timestamptz), :password_hash,
                CAST(:password_changed_at AS timestamptz), CAST(:now AS timestamptz))
        """
    )
)


# What was sent before there was a customer is sealed by a key that nobody would think of when the customer is erased.
_DROP_KEY = hot(text("DELETE FROM subject_key WHERE tenant_id = :tenant_id AND id = :account_id"))


async def create(
    tx: Tx,
    *,
    display_name: str,
    email: str | None = None,
    phone: str | None = None,
    verified: bool = False,
    password_hash: str | None = None,
    account_id: UUID | None = None,
    buys: bool = True,
) -> Account:
    """A new account.

    `verified` says that whoever asks has proved that the address and the number given are theirs; one that `buys` is a
    customer: the one whom the shop knows by the proved address already, else a new one.

    Raises:
        AddressTaken: another account has the address or the number.
    """
    account_id, now = account_id or new_id(), clock.now()
    customer_id = None
    if buys:
        known = await customer_with(tx, email) if email and verified else None
        customer_id = known or await _new_customer(tx, account_id, display_name)
    told = [value for value in (display_name, email, phone) if value is not None]
    sealed = dict(zip(told, await sealing.seal(tx, customer_id or account_id, told), strict=True))
    values = {
        "id": account_id,
        "customer_id": customer_id,
        "display_name": sealed[display_name],
        "email": sealed[email] if email else None,
        "email_digest": email_digest(tx.tenant_id, email) if email else None,
        "email_verified_at": now if email and verified else None,
        "phone": sealed[phone] if phone else None,
        "phone_digest": phone_digest(tx.tenant_id, phone) if phone else None,
        "phone_verified_at": now if phone and verified else None,
        "password_hash": password_hash,
        "password_changed_at": now if password_hash else None,
        "now": now,
    }
    try:
        await tx.rows(_INSERT, values)
    except asyncpg.UniqueViolationError as fault:
        raise AddressTaken from fault
    if customer_id is not None:
        await tx.rows(_DROP_KEY, {"account_id": account_id})
    return await by_id(tx, account_id)


_KEEP_PASSWORD = hot(
    text(
        """
        UPDATE account SET password_hash = :password_hash,
               password_changed_at = coalesce(CAST(:changed_at AS timestamptz), password_changed_at)
        WHERE tenant_id = :tenant_id AND id = :account_id
        """
    )
)


async def keep_password(tx: Tx, account_id: UUID, password_hash: str | None, *, is_new: bool = True) -> None:
    """Keep a password's hash; one that is not new is only hashed anew."""
    changed_at = clock.now() if is_new else None
    values = {"account_id": account_id, "password_hash": password_hash, "changed_at": changed_at}
    await tx.rows(_KEEP_PASSWORD, values)


_SET_EMAIL = hot(
    text(
        """
        UPDATE account SET email = :value, email_digest = :digest, email_verified_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :account_id
        """
    )
)
_SET_PHONE = hot(
    text(
        """
        UPDATE account SET phone = :value, phone_digest = :digest, phone_verified_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :account_id
        """
    )
)


# pk_account, pk_customer: the name is kept twice, and each of the two is read by itself.
_RENAME = hot(text("UPDATE account SET display_name = :name WHERE tenant_id = :tenant_id AND id = :account_id"))
_RENAME_CUSTOMER = hot(
    text("UPDATE customer SET display_name = :name WHERE tenant_id = :tenant_id AND id = :customer_id")
)


async def rename(tx: Tx, account_id: UUID, display_name: str) -> Account:
    """Somebody is called otherwise from now on. What they bought before keeps the name that it went to.

    Raises:
        AccountNotFound.
    """
    account = await by_id(tx, account_id, hold=True)
    (name,) = await sealing.seal(tx, account.subject_id, [display_name])
    await tx.rows(_RENAME, {"account_id": account_id, "name": name})
    if account.customer_id is not None:
        told = {"customer_id": account.customer_id, "name": Personal(account.customer_id, display_name)}
        await tx.rows(_RENAME_CUSTOMER, told)
    return await by_id(tx, account_id)


async def prove_email(tx: Tx, account: Account, email: str) -> Account:
    """Its owner has proved that an address is theirs, the one it has or another.

    Raises:
        AddressTaken: another account has it.
    """
    return await _proved(tx, account, _SET_EMAIL, email, email_digest(tx.tenant_id, email))


async def prove_phone(tx: Tx, account: Account, phone: str) -> Account:
    """Its owner has proved that a number, in E.164, is theirs, the one it has or another.

    Raises:
        AddressTaken: another account has it.
    """
    return await _proved(tx, account, _SET_PHONE, phone, phone_digest(tx.tenant_id, phone))


async def _proved(tx: Tx, account: Account, statement: Any, value: str, digest: bytes) -> Account:
    (sealed,) = await sealing.seal(tx, account.subject_id, [value])
    try:
        await tx.rows(statement, {"account_id": account.id, "value": sealed, "digest": digest, "now": clock.now()})
    except asyncpg.UniqueViolationError as fault:
        raise AddressTaken from fault
    return await by_id(tx, account.id)


async def _opened(tx: Tx, row: Mapping[str, Any] | None) -> Account | None:
    if row is None:
        return None
    name, email, phone = await sealing.unseal(tx, [row["display_name"], row["email"], row["phone"]])
    return Account(**{**dict(row), "display_name": name or "", "email": email, "phone": phone})


# uq_customer_email_digest, uq_customer_email, uq_account_customer
_CUSTOMER_WITH = hot(
    text(
        """
        SELECT c.id FROM customer c WHERE c.tenant_id = :tenant_id
          AND (c.email_digest = :digest OR (c.email_digest IS NULL AND c.email = :email))
          AND NOT EXISTS (SELECT FROM account a WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id)
        """
    )
)


async def customer_with(tx: Tx, email: str) -> UUID | None:
    """The customer whom the shop knows by an address, if nobody signs in as them yet."""
    address = email.strip().lower()
    found = {"email": address, "digest": sealing.digest(tx.tenant_id, "email", address)}
    row = await tx.one(_CUSTOMER_WITH, found)
    return row["id"] if row else None


_NEW_CUSTOMER = hot(
    text(
        """
        INSERT INTO customer (tenant_id, id, reference, display_name)
        VALUES (:tenant_id, :id, :reference, :display_name)
        """
    )
)


async def _new_customer(tx: Tx, account_id: UUID, display_name: str) -> UUID:
    customer_id = new_id()
    values = {
        "id": customer_id,
        "reference": f"account-{account_id}",
        "display_name": Personal(customer_id, display_name),
    }
    await tx.rows(_NEW_CUSTOMER, values)
    said = CustomerRegistered(customer_id=customer_id)
    context = Context(shopper_id=customer_id)
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=customer_id, context=context)])
    return customer_id
