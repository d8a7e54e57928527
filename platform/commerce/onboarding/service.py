"""The steps of opening a shop, kept as a draft that can be gone on with until it expires."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.identity import secrets_shown_once as once
from commerce.identity.browsers import Browser
from commerce.onboarding.schemas import Answers, BeginIn, FirstProduct, RowProblem, Step
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import NameTaken
from commerce.throttling import service as throttling
from commerce.throttling.service import Limit
from foundation import clock, sealing
from foundation.database import Database, Tx, hot
from foundation.errors import Conflict, TooMany, Unauthenticated, Unprocessable
from foundation.ids import new_id
from foundation.tokens import token_hash

PREFIX = "tws_"
KEPT_DAYS = 7
NOBODY = UUID(int=0)
"""Under whose id it is counted how often shops are opened: there is no shop yet."""
_TOKEN = re.compile(r"^(tw[so]_)([0-9a-f]{32})_([A-Za-z0-9]{49})$")


class SignUpUnknown(Unauthenticated):
    """There is no sign-up that this token goes on with; it may have expired."""

    code = "onboarding.unknown"


class SignUpFinished(Conflict):
    """This shop is open already; it is changed in its own back office."""

    code = "onboarding.finished"


class TooManySignUps(TooMany):
    """Too many shops were begun from here; try again in a while."""

    code = "onboarding.too_many"


class BadRows(Unprocessable):
    """Some rows of the file can't be used, so none was taken."""

    code = "onboarding.bad_rows"

    problems: list[dict[str, Any]]


BY_NETWORK = Limit("sign-ups by network", 10, timedelta(minutes=5), TooManySignUps)
ALL = Limit("sign-ups", 300, timedelta(seconds=10), TooManySignUps)


@dataclass(frozen=True, slots=True)
class SignUp:
    """A shop that is being set up."""

    id: UUID
    tenant_id: UUID
    email: str | None
    """Sealed; none once there is a shop."""
    password_hash: str | None
    answers: Answers
    products: list[FirstProduct]
    created_at: datetime
    finished_at: datetime | None
    api_key: str | None
    """Sealed."""

    @property
    def missing(self) -> list[Step]:
        """The steps without which there is no shop."""
        steps: Sequence[Step] = ("selling", "stock", "paying")
        return [step for step in steps if getattr(self.answers, step) is None]

    @property
    def expires_at(self) -> datetime:
        """When it is forgotten."""
        return self.created_at + timedelta(days=KEPT_DAYS)


_ADD = hot(
    text(
        """
        INSERT INTO sign_up (tenant_id, id, token_hash, email, password_hash, answers, created_at)
        VALUES (:tenant_id, :id, :token_hash, :email, :password_hash, CAST(CAST(:answers AS text) AS jsonb),
                CAST(:now AS timestamptz))
        """
    )
)
_COLUMNS = """id, tenant_id, email, password_hash, answers::text AS answers, products::text AS products, created_at,
              finished_at, api_key, token_hash"""
# uq_sign_up_tenant
_FIND = hot(text(f"SELECT {_COLUMNS} FROM sign_up WHERE tenant_id = :tenant_id"))  # noqa: S608
_HOLD = hot(text(f"SELECT {_COLUMNS} FROM sign_up WHERE tenant_id = :tenant_id FOR UPDATE"))  # noqa: S608
_ANSWER = hot(
    text(
        """
        UPDATE sign_up SET answers = answers || CAST(CAST(:answers AS text) AS jsonb)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_KEEP_PRODUCTS = hot(
    text(
        """
        UPDATE sign_up SET products = CAST(CAST(:products AS text) AS jsonb)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)


async def count(database: Database, browser: Browser) -> None:
    """Count a shop that is begun, whatever becomes of it.

    Raises:
        TooManySignUps.
    """
    await throttling.take(database, NOBODY, BY_NETWORK, browser.neighbourhood())
    await throttling.take(database, NOBODY, ALL, "")


def new_tenant() -> UUID:
    """The id of a shop to be. It is nobody's yet: whoever begins a sign-up writes rows of this one alone."""
    return new_id()


async def begin(tx: Tx, begun: BeginIn, *, host: str, password_hash: str) -> tuple[SignUp, str]:
    """A draft, and the token that goes on with it.

    Raises:
        NameTaken: another shop has this name.
    """
    if await tenancy.is_taken(tx, begun.slug, host):
        raise NameTaken(slug=begun.slug)
    await tenancy.draft(tx, begun.name)
    token, sign_up_id = token_of(PREFIX, tx.tenant_id), new_id()
    (email,) = await sealing.seal(tx, sign_up_id, [begun.email])
    values = {
        "id": sign_up_id,
        "token_hash": token_hash(token),
        "email": email,
        "password_hash": password_hash,
        "answers": json.dumps({"name": begun.name, "slug": begun.slug}),
        "now": clock.now(),
    }
    await tx.rows(_ADD, values)
    return await find(tx, token), token


async def find(tx: Tx, token: str, *, hold: bool = False) -> SignUp:
    """The draft that a token goes on with; with `hold` nobody else changes it before this transaction ends.

    Raises:
        SignUpUnknown: there is none, or it has expired.
    """
    row = await tx.one(_HOLD if hold else _FIND)
    if row is None or not hmac.compare_digest(row["token_hash"], token_hash(token)):
        raise SignUpUnknown
    found = SignUp(
        row["id"],
        row["tenant_id"],
        row["email"],
        row["password_hash"],
        Answers.model_validate_json(row["answers"]),
        [FirstProduct.model_validate(one) for one in json.loads(row["products"])],
        row["created_at"],
        row["finished_at"],
        row["api_key"],
    )
    if found.finished_at is None and found.expires_at <= clock.now():
        raise SignUpUnknown
    return found


async def answer(tx: Tx, token: str, answers: Answers, *, host: str | None) -> SignUp:
    """Take some steps, or take them again. `host` is where the shop would be, when its name is among them.

    Raises:
        SignUpUnknown, SignUpFinished, NameTaken.
    """
    found = await find(tx, token, hold=True)
    _require_open(found)
    if answers.slug and host and answers.slug != found.answers.slug and await tenancy.is_taken(tx, answers.slug, host):
        raise NameTaken(slug=answers.slug)
    was, becomes = found.answers.selling, answers.selling
    if becomes is not None and found.products and (was is None or was.currency != becomes.currency):
        await tx.rows(_KEEP_PRODUCTS, {"id": found.id, "products": "[]"})  # their prices were in another currency
    told = answers.model_dump_json(exclude_none=True)
    await tx.rows(_ANSWER, {"id": found.id, "answers": told})
    return await find(tx, token)


async def keep_products(tx: Tx, token: str, products: Sequence[FirstProduct], problems: Sequence[RowProblem]) -> None:
    """Put the products of a file in place of those of an earlier one.

    Raises:
        BadRows: some can't be used: the earlier ones stay.
        SignUpUnknown, SignUpFinished.
    """
    found = await find(tx, token, hold=True)
    _require_open(found)
    if problems:
        raise BadRows(problems=[problem.model_dump() for problem in problems])
    told = json.dumps([product.model_dump() for product in products])
    await tx.rows(_KEEP_PRODUCTS, {"id": found.id, "products": told})


def token_of(prefix: str, tenant_id: UUID) -> str:
    """A secret that says whose rows it opens."""
    return f"{prefix}{tenant_id.hex}_{once.new_secret('')}"


def tenant_of(prefix: str, token: str) -> UUID:
    """Whose rows a token may open; whether it does, its row says.

    Raises:
        SignUpUnknown: it is no token.
    """
    form = _TOKEN.match(token)
    if form is None or form[1] != prefix:
        raise SignUpUnknown
    return UUID(hex=form[2])


def _require_open(found: SignUp) -> None:
    if found.finished_at is not None:
        raise SignUpFinished
