"""Why people send something back, in their words."""

from __future__ import annotations

from typing import get_args

from commerce.orders.return_schemas import ReturnReason

WORDS = {
    "damaged": "It came damaged",
    "defective": "It doesn't work",
    "wrong_item": "It isn't what I ordered",
    "not_as_described": "It isn't as described",
    "no_longer_wanted": "I don't want it any more",
    "other": "Something else",
}
REASONS = tuple((reason, WORDS[reason]) for reason in get_args(ReturnReason))
