"""What a page says after the form before it: a word in a short-lived cookie, its text from this table."""

from __future__ import annotations

from dataclasses import dataclass

NOTICE_COOKIE = "tradewind_office_notice"
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for whoever works here."""

    code: str
    text: str


NOTICES = {
    notice.code: notice
    for notice in (
        Notice("acting-ended", "You are nobody but yourself now."),
        Notice("invited", "The invitation is on its way."),
        Notice("changed", "It is changed."),
        Notice("suspended", "They are kept out from now on, and the keys they made are over."),
        Notice("let-back", "They may come in again."),
        Notice("removed", "They do not work here any more, and the keys they made are over."),
        Notice("role-made", "The role is there."),
        Notice("role-deleted", "The role is gone."),
        Notice("welcome", "Welcome. You work here from now on."),
    )
}
