"""How far a product is, and who moves it on.

A draft is reviewed, approved or rejected, published, and archived in the end. What is live (approved, published or
archived) stays as it is while somebody who may not publish works on it: what they write is a proposal, reviewed as a
draft is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from foundation.errors import Conflict

Status = Literal["draft", "in_review", "approved", "rejected", "published", "archived"]
Action = Literal["submit", "withdraw", "approve", "reject", "publish", "unpublish", "archive"]
LIVE: frozenset[str] = frozenset({"approved", "published", "archived"})
"""Somebody who may publish has agreed to what such a product says."""


class IllegalProductTransition(Conflict):
    """That can't be done to the product as it stands."""

    code = "catalog.illegal_transition"

    action: str
    state: str
    possible: list[str]


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states an action leads where."""

    sources: frozenset[str]
    target: Status
    permission: str


def _from(*sources: Status, to: Status, permission: str) -> Transition:
    return Transition(frozenset(sources), to, permission)


TRANSITIONS: Mapping[Action, Transition] = {
    "submit": _from("draft", "rejected", to="in_review", permission="catalog:write"),
    "withdraw": _from("in_review", to="draft", permission="catalog:write"),
    "approve": _from("draft", "in_review", to="approved", permission="catalog:publish"),
    "reject": _from("in_review", to="rejected", permission="catalog:publish"),
    "publish": _from("draft", "in_review", "approved", "archived", to="published", permission="catalog:publish"),
    "unpublish": _from("published", to="approved", permission="catalog:publish"),
    "archive": _from("draft", "rejected", "approved", "published", to="archived", permission="catalog:publish"),
}


def possible(status: str) -> list[Action]:
    """What can be done in a state."""
    return [action for action, transition in TRANSITIONS.items() if status in transition.sources]


def require(action: Action, status: str) -> Status:
    """Where an action leads.

    Raises:
        IllegalProductTransition.
    """
    transition = TRANSITIONS[action]
    if status not in transition.sources:
        raise IllegalProductTransition(action=action, state=status, possible=list(possible(status)))
    return transition.target
