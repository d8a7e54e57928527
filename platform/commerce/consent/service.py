"""What a person agreed to: a customer's answers are theirs on every device, a visitor's are their browser's.

Answers are added and never changed. Those of one person are given in turn, and what their sessions may do follows in
the same transaction, on their other devices as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.consent.schemas import AnswerOut, ConsentOut, PurposeOut, Source
from commerce.consent.wording import CURRENT, PURPOSES, WORDINGS
from commerce.identity import service as identity
from commerce.identity.service import Agreed, Shopper
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Forbidden
from foundation.events import Consent
from foundation.ids import new_id
from foundation.turns import in_turn


class OnlyThemselves(Forbidden):
    """Only the person can say what they agree to, in a session of their own; no program, and nobody in their name."""

    code = "consent.only_themselves"


@dataclass(frozen=True, slots=True)
class Answer:
    """The newest answer for a purpose."""

    id: UUID
    purpose: Consent
    given: bool
    answered_at: datetime
    source: Source
    text_version: str


Answers = Mapping[Consent, Answer]
_TURNS = 35
"""Apart from the other turns of a person."""

# ix_consent_answer_customer, ix_consent_answer_visitor
_NEWEST = """
    SELECT DISTINCT ON (purpose) id, purpose, given, answered_at, source, text_version FROM consent_answer
    WHERE tenant_id = :tenant_id AND {whose} ORDER BY purpose, answered_at DESC, id DESC
"""
_HISTORY = """
    SELECT id, purpose, given, answered_at, source, text_version FROM consent_answer
    WHERE tenant_id = :tenant_id AND {whose} AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT CAST(:limit AS bigint)
"""
_CUSTOMERS = "customer_id = :person"
_VISITORS = "visitor_id = :person AND customer_id IS NULL"
_NEWEST_OF_CUSTOMER, _NEWEST_OF_VISITOR = (hot(text(_NEWEST.format(whose=one))) for one in (_CUSTOMERS, _VISITORS))
_ALL_OF_CUSTOMER, _ALL_OF_VISITOR = (hot(text(_HISTORY.format(whose=one))) for one in (_CUSTOMERS, _VISITORS))
_ADD = hot(
    text(
        """
        INSERT INTO consent_answer (tenant_id, id, answered_at, visitor_id, customer_id, purpose, given, source,
                                    text_version, carried_from)
        SELECT :tenant_id, id, answered_at, CAST(:visitor_id AS uuid), CAST(:customer_id AS uuid), purpose, given,
               source, text_version, carried_from
        FROM ROWS FROM (unnest(CAST(:ids AS uuid[])), jsonb_to_recordset(CAST(:answers AS jsonb)) AS (
            answered_at timestamptz, purpose text, given bool, source text, text_version text, carried_from uuid))
            AS a (id, answered_at, purpose, given, source, text_version, carried_from)
        """
    )
)


async def answer(
    tx: Tx, shopper: Shopper, said: Mapping[Consent, bool], *, source: Source, text_version: str = CURRENT
) -> Shopper:
    """Take somebody's answers for the purposes they name; the shopper as they stand afterwards is given back.

    Raises:
        OnlyThemselves: it is no session of their own, or it has ended meanwhile.
    """
    await in_turn(tx, str(shopper.customer_id or shopper.visitor_id), seed=_TURNS)
    now = clock.now()
    rows = [_row(purpose, given, now, source, text_version) for purpose, given in said.items()]
    await _add(tx, rows, customer_id=shopper.customer_id, visitor_id=shopper.visitor_id)
    agreed = _agreed(await _of(tx, shopper))
    if not await identity.agree(tx, shopper, agreed):
        raise OnlyThemselves
    return identity.with_agreed(shopper, agreed)


async def carried(tx: Tx, visitor: Shopper | None, customer_id: UUID | None) -> Agreed:
    """What a session may do that follows the session of `visitor`, and is `customer_id`'s if there is one.

    Whoever signs in is asked nothing that they have answered. What they refused in this browser as a visitor counts
    from then on if it is their latest word. What they agreed to there counts only where they have said nothing before:
    others may have used the browser.
    """
    at_door = visitor if visitor is not None and visitor.customer_id is None else None
    if customer_id is not None:
        await in_turn(tx, str(customer_id), seed=_TURNS)
    if at_door is not None:
        await in_turn(tx, str(at_door.visitor_id), seed=_TURNS)
    theirs = await of_visitor(tx, at_door.visitor_id) if at_door else {}
    if customer_id is None:
        return _agreed(theirs)
    own = await of_customer(tx, customer_id)
    coming = {purpose: one for purpose, one in theirs.items() if _comes_along(one, own.get(purpose))}
    if at_door is not None and coming:
        rows = [
            {**_row(one.purpose, one.given, one.answered_at, one.source, one.text_version), "carried_from": str(one.id)}
            for one in coming.values()
        ]
        await _add(tx, rows, customer_id=customer_id, visitor_id=at_door.visitor_id)
    return _agreed({**own, **coming})


def _comes_along(browsers: Answer, own: Answer | None) -> bool:
    return own is None or (not browsers.given and browsers.answered_at > own.answered_at)


async def of_customer(tx: Tx, customer_id: UUID) -> Answers:
    """The answers of a customer that count."""
    return _by_purpose(await tx.rows(_NEWEST_OF_CUSTOMER, {"person": customer_id}))


async def of_visitor(tx: Tx, visitor_id: UUID) -> Answers:
    """The answers that count of a browser that nobody has signed in to."""
    return _by_purpose(await tx.rows(_NEWEST_OF_VISITOR, {"person": visitor_id}))


async def _of(tx: Tx, shopper: Shopper) -> Answers:
    if shopper.customer_id is not None:
        return await of_customer(tx, shopper.customer_id)
    return await of_visitor(tx, shopper.visitor_id)


def _by_purpose(rows: Sequence[Mapping[str, Any]]) -> Answers:
    return {row["purpose"]: Answer(**row) for row in rows}


async def has_given(tx: Tx, customer_id: UUID, purpose: Consent) -> bool:
    """Whether a customer agrees to a purpose, as they said last."""
    said = (await of_customer(tx, customer_id)).get(purpose)
    return said is not None and said.given


async def standing(tx: Tx, shopper: Shopper) -> ConsentOut:
    """How every purpose stands for somebody."""
    said = await _of(tx, shopper)
    return ConsentOut(
        text_version=CURRENT,
        asked=shopper.is_asked,
        signal=shopper.refuses_by_signal,
        purposes=[
            PurposeOut(
                purpose=purpose,
                title=WORDINGS[CURRENT][purpose].title,
                says=WORDINGS[CURRENT][purpose].says,
                given=said[purpose].given if purpose in said else None,
                answered_at=said[purpose].answered_at if purpose in said else None,
            )
            for purpose in PURPOSES
        ],
    )


async def history(tx: Tx, shopper: Shopper, *, limit: int, before: UUID | None) -> tuple[list[AnswerOut], bool]:
    """Somebody's answers, the newest first, and whether there are more."""
    statement = _ALL_OF_CUSTOMER if shopper.customer_id else _ALL_OF_VISITOR
    values = {"person": shopper.customer_id or shopper.visitor_id, "before": before, "limit": limit + 1}
    rows = await tx.rows(statement, values)
    return [AnswerOut(**row) for row in rows[:limit]], len(rows) > limit


def _agreed(said: Answers) -> Agreed:
    given = tuple(purpose for purpose in PURPOSES if purpose in said and said[purpose].given)
    return Agreed(given, max((one.answered_at for one in said.values()), default=None))


def _row(purpose: Consent, given: bool, at: datetime, source: Source, text_version: str) -> dict[str, Any]:
    said = {"purpose": purpose, "given": given, "source": source, "text_version": text_version}
    return {"answered_at": at, **said, "carried_from": None}


async def _add(tx: Tx, rows: Sequence[Mapping[str, Any]], *, customer_id: UUID | None, visitor_id: UUID) -> None:
    values = {
        "ids": [new_id() for _ in rows],
        "answers": orjson.dumps(rows).decode(),
        "customer_id": customer_id,
        "visitor_id": visitor_id,
    }
    await tx.rows(_ADD, values)
