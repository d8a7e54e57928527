"""All the bugs: what to replace in which file, and the test that has to fail then."""

from __future__ import annotations

from tests.mutants import catalogue, goods, money, orders, requests

BUGS = (*catalogue.BUGS, *goods.BUGS, *orders.BUGS, *money.BUGS, *requests.BUGS)
