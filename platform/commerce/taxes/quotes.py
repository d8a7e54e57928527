"""Taxes as an engine outside says them: what is asked, what counts as an answer, and what holds without one.

The shop's own table of rates is the engine of a shop that names none, and the fallback of one that does: an engine that
gives no usable answer within the deadline is replaced by it, and that is kept. Nobody is asked inside a transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydantic import TypeAdapter

from commerce.taxes.schemes import Scheme

TABLE = "table"
DEADLINE_SECONDS = 3.0
GOOD_FOR = timedelta(hours=1)
FALLBACK_GOOD_FOR = timedelta(minutes=1)
"""After that the engine is asked once more."""

log = structlog.get_logger(__name__)


class EngineUnavailable(Exception):
    """The engine gave no answer that can be used."""


@dataclass(frozen=True, slots=True)
class Address:
    """A place; what is not known of it is absent."""

    country: str
    region: str | None = None
    postal_code: str | None = None
    city: str | None = None
    line1: str | None = None


@dataclass(frozen=True, slots=True)
class Taxable:
    """An amount that may be taxed, in minor units, and its class as the engine calls it."""

    amount: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A consignment: its lines, what its delivery costs, where it goes and where it comes from."""

    currency: str
    included: bool
    lines: tuple[Taxable, ...]
    shipping: Taxable
    destination: Address
    origin: Address
    vat_id: str | None = None
    """Of a business whose number was found to be in force."""


@dataclass(frozen=True, slots=True)
class TaxPart:
    """One tax on an amount: its share, of how much, what it comes to in minor units, and why."""

    name: str
    rate: str
    base: int
    amount: int
    scheme: Scheme = "quoted"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The taxes of each line and of the delivery, in the order they were asked, and the engine's receipt."""

    lines: tuple[tuple[TaxPart, ...], ...]
    shipping: tuple[TaxPart, ...]
    reference: str | None = None


class TaxEngine(Protocol):
    """Somebody who knows what is taxed where."""

    async def taxes(self, question: Question) -> Answer:
        """The taxes of a consignment.

        Raises:
            EngineUnavailable: no answer.
        """


class _NotConfigured:
    async def taxes(self, question: Question) -> Answer:
        raise EngineUnavailable(f"none is configured for {question.currency}")


_NOT_CONFIGURED = _NotConfigured()


@dataclass(frozen=True, slots=True)
class Quote:
    """What an engine said to some questions, or that it said nothing and the table holds; good until it expires."""

    fingerprint: str
    engine: str
    expires_at: datetime
    answers: tuple[Answer, ...] = ()
    instead_of: str | None = None
    """The engine that gave no answer."""

    def answers_to(self, questions: Sequence[Question], now: datetime) -> bool:
        """Whether it says what is asked."""
        return now < self.expires_at and self.fingerprint == fingerprint_of(questions)

    def json(self) -> str:
        """As `quote_of` reads it."""
        return _QUOTE.dump_json(self).decode()


_QUOTE = TypeAdapter(Quote)
_QUESTIONS = TypeAdapter(tuple[Question, ...])


def quote_of(document: str | None) -> Quote | None:
    """A quote that was kept as JSON."""
    return _QUOTE.validate_json(document) if document else None


def fingerprint_of(questions: Sequence[Question]) -> str:
    """What the questions are recognised by."""
    return hashlib.blake2b(_QUESTIONS.dump_json(tuple(questions)), digest_size=16).hexdigest()


async def quoted(
    engines: Mapping[str, TaxEngine],
    name: str,
    questions: Sequence[Question],
    *,
    at: datetime,
    deadline: float = DEADLINE_SECONDS,
) -> Quote:
    """What the named engine says; that the table holds, when it doesn't answer all of it in time."""
    fingerprint = fingerprint_of(questions)
    try:
        engine = engines.get(name, _NOT_CONFIGURED)
        async with asyncio.timeout(deadline):
            answers = await asyncio.gather(*(engine.taxes(question) for question in questions))
        for question, answer in zip(questions, answers, strict=True):
            _check(question, answer)
    except (EngineUnavailable, TimeoutError) as fault:
        log.warning("taxes.fallback", engine=name, error=str(fault) or "late")
        return Quote(fingerprint, TABLE, at + FALLBACK_GOOD_FOR, instead_of=name)
    return Quote(fingerprint, name, at + GOOD_FOR, tuple(answers))


def _check(question: Question, answer: Answer) -> None:
    """Stop when an answer can't be one to its question: it would not add up."""
    if len(answer.lines) != len(question.lines):
        raise EngineUnavailable("another number of lines")
    for asked, parts in zip((*question.lines, question.shipping), (*answer.lines, answer.shipping), strict=True):
        taken = sum(part.amount for part in parts)
        if any(part.amount < 0 for part in parts) or taken > asked.amount:
            raise EngineUnavailable("a tax that is more than its amount")
