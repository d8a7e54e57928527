"""What a shop's staff make of the order of a result: pinned first, then boosted, the rest, and buried last.

Within each the products keep the order they had. What is hidden is in no result; what is pinned is in it even if the
search would not have found it, as long as it is for sale in the category that is looked at. Of two rules the earlier
one's pins go first; what one boosts and another buries stays where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from foundation.search import BRAND, CATEGORY, SearchRequest
from foundation.steering import SearchRule, Targets
from models.arrays import Flags, Ints
from models.search.analysis import words
from serving import selecting
from serving.columns import Columns
from serving.selecting import Result

TIER = 1e9
"""Between the keys of what is boosted, of the rest and of what is buried: more than units of a product are sold."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What rules make of one request."""

    rules: Sequence[SearchRule] = ()
    personal: bool = False
    """There is one for some price group, whether or not it is this customer's."""

    @property
    def redirect(self) -> str | None:
        """The page of the shop that answers instead."""
        return next((rule.redirect for rule in self.rules if rule.redirect is not None), None)


def plan(rules: Sequence[SearchRule], request: SearchRequest, readings: Sequence[str], *, now: datetime) -> Plan:
    """The rules that hold for a request now. `readings` are the query as it was typed and as it was probably meant."""
    trial = request.trial
    if trial is not None:
        rules = [*(rule for rule in rules if rule.id != trial.id), trial]
    about = [rule for rule in rules if _is_about(rule, request, readings)]
    # A trial shows what there will be, whenever that is, and to whom.
    held = [rule for rule in about if rule is trial or (_holds(rule, now) and _is_for(rule, request.price_group))]
    return Plan(held, any(rule.price_group is not None and _holds(rule, now) for rule in about))


def steered(columns: Columns, result: Result, rules: Sequence[SearchRule], inside: Flags) -> Result:
    """The result as the rules want it; `inside` are the rows in the category that is looked at."""
    if not rules:
        return result
    hidden = _all_of(columns, [rule.hide for rule in rules])
    pins = _pins(columns, rules, columns.alive & inside & ~hidden)
    keys = np.full(columns.size, np.inf)
    keys[result.rows] = result.keys
    tiers = np.zeros(columns.size)
    for rule in rules:
        tiers -= _all_of(columns, [rule.boost])
        tiers += _all_of(columns, [rule.bury])
    keys += TIER * np.clip(tiers, -1, 1)
    keys[pins] = -3 * TIER + np.arange(len(pins))
    keys[hidden] = np.inf
    rows = np.flatnonzero(np.isfinite(keys))
    return Result(rows, keys[rows])


def _is_about(rule: SearchRule, request: SearchRequest, readings: Sequence[str]) -> bool:
    if rule.category_id is not None and rule.category_id != request.within:
        return False
    if rule.query is None:
        return not request.query.strip()
    wanted = words(rule.query)
    return any(_matches(wanted, words(reading), exactly=rule.match == "exact") for reading in readings)


def _matches(wanted: Sequence[str], said: Sequence[str], *, exactly: bool) -> bool:
    if exactly:
        return wanted == said
    return any(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1))


def _holds(rule: SearchRule, now: datetime) -> bool:
    return (rule.starts_at is None or rule.starts_at <= now) and (rule.ends_at is None or now < rule.ends_at)


def _is_for(rule: SearchRule, price_group: str | None) -> bool:
    return rule.price_group is None or rule.price_group == price_group


def _pins(columns: Columns, rules: Sequence[SearchRule], allowed: Flags) -> Ints:
    rows = (columns.row_of(product_id) for rule in rules for product_id in rule.pin)
    found = dict.fromkeys(row for row in rows if row is not None and allowed[row])
    return np.array(list(found), np.int64)


def _all_of(columns: Columns, targets: Sequence[Targets]) -> Flags:
    """Which rows are of any of these."""
    found: Flags = np.zeros(columns.size, np.bool_)
    for one in targets:
        rows = [row for product_id in one.products if (row := columns.row_of(product_id)) is not None]
        found[rows] = True
        for brand in one.brands:
            found |= selecting.having(columns, BRAND, brand)
        for category_id in one.categories:
            found |= selecting.having(columns, CATEGORY, str(category_id))
    return found
