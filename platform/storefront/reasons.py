"""Why people send something back, and what came wrong, in their words."""

from __future__ import annotations

from typing import get_args

from commerce.orders.claim_schemas import ClaimReason
from commerce.orders.return_schemas import ReturnReason

WORDS = {
    "damaged": "It came damaged",
    "defective": "It doesn't work",
    "wrong_item": "It isn't what I ordered",
    "not_as_described": "It isn't as described",
    "no_longer_wanted": "I don't want it any more",
    "other": "Something else",
}
CLAIM_WORDS = {
    "damaged": "It came damaged",
    "wrong_item": "It is something else than I ordered",
    "missing": "It was not in the parcel",
    "not_delivered": "The parcel never came",
}
REASONS = tuple((reason, WORDS[reason]) for reason in get_args(ReturnReason))
CLAIM_REASONS = tuple((reason, CLAIM_WORDS[reason]) for reason in get_args(ClaimReason))
