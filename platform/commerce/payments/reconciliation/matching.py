"""Which line of a report settles what of our books, and in what they do not agree: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from commerce.payments.providers.contract import Settled

SETTLES_WITHIN = timedelta(days=7)
"""How long after it was made a provider may take to settle a payment or refund."""

Difference = Literal["unknown", "twice", "amount_differs", "currency_differs", "fee_differs", "late"]
Kind = Literal["capture", "refund", "dispute", "reversal"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What our books say a provider owes us (positive) or we owe it.

    A refund that came back and a dispute that was won are two of one id: what left, and its reversal.
    """

    kind: Kind
    id: UUID
    """The payment's, the refund's or the dispute's."""
    reference: str
    """The provider's name for it."""
    amount: int
    currency: str
    made_on: date
    settled: bool = False
    """A line of an earlier report settles it."""
    fee: int = 0
    """What the provider said at once that it would keep: it is in the books already."""

    @property
    def name(self) -> str:
        """What an exception about it is called: a reversal is not what it reverses."""
        return f"{self.id}:reversal" if self.kind == "reversal" else str(self.id)


@dataclass(frozen=True, slots=True)
class Match:
    """A line, what it settles, and in what the two do not agree."""

    line: Settled
    entry: Entry | None = None
    difference: Difference | None = None

    @property
    def subject_id(self) -> UUID | None:
        """What the line settles: the first line that is about an entry does, whatever else is wrong with it."""
        return None if self.entry is None or self.difference == "twice" else self.entry.id

    def amounts(self, provider: str) -> Mapping[str, Mapping[str, int]]:
        """What to post, by currency and account: all that came to the bank, against what was owed.

        What nothing explains stands in `suspense` until somebody clears it. A line in another currency leaves what is
        owed in ours as it is.
        """
        line, owed = self.line, f"provider:{provider}"
        if line.kind == "fee":
            return {line.currency: {"bank": line.amount - line.fee, "fees": line.fee - line.amount}}
        explained = fee = 0
        if self.subject_id is not None and self.entry is not None and self.entry.currency == line.currency:
            explained, fee = self.entry.amount, self.entry.fee
        return {
            line.currency: {
                "bank": line.amount - line.fee,
                "fees": line.fee - fee,
                f"accrued_fees:{provider}": fee,
                owed: -explained,
                f"suspense:{provider}": explained - line.amount,
            }
        }


def match(lines: Sequence[Settled], entries: Iterable[Entry]) -> Iterator[Match]:
    """Each line beside the entry that it names by our id, or else by the provider's reference."""
    known = list(entries)
    by_id = {(entry.kind, entry.id): entry for entry in known}
    by_reference = {(entry.kind, entry.reference): entry for entry in known}
    settled = {(entry.kind, entry.id) for entry in known if entry.settled}
    for line in lines:
        if line.kind == "fee":
            yield Match(line)
            continue
        ours = line.payment_id if line.kind == "capture" else line.refund_id
        entry = by_id.get((line.kind, ours)) if ours else None
        entry = entry or by_reference.get((line.kind, line.reference))
        if entry is None:
            yield Match(line, None, "unknown")
            continue
        yield Match(line, entry, _difference(line, entry, (entry.kind, entry.id) in settled))
        settled.add((entry.kind, entry.id))


def _difference(line: Settled, entry: Entry, settled: bool) -> Difference | None:
    if settled:
        return "twice"
    if line.currency != entry.currency:
        return "currency_differs"
    if line.amount != entry.amount:
        return "amount_differs"
    if entry.fee and line.fee != entry.fee:
        return "fee_differs"
    return "late" if line.settled_on > entry.made_on + SETTLES_WITHIN else None


def overdue(entries: Iterable[Entry], day: date) -> list[Entry]:
    """What should have been settled by a day and was not."""
    return [entry for entry in entries if not entry.settled and entry.made_on + SETTLES_WITHIN < day]
