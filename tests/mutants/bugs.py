"""All the bugs: what to replace in which file, and the test that has to fail then."""

from __future__ import annotations

from tests.mutants import goods, money, orders, requests

BUGS = (*goods.BUGS, *orders.BUGS, *money.BUGS, *requests.BUGS)
