"""What somebody reads before they answer, in every version that was ever shown.

An answer names the version that it was given to. A wording that has been shown is never changed: what is to be said
otherwise is a new version, at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from foundation.events import Consent

PURPOSES: tuple[Consent, ...] = get_args(Consent)
STUDY = "study"
"""What the households of the published study agreed to; it was shown by those who made it."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a purpose."""

    title: str
    says: str


Wording = Mapping[Consent, Words]

WORDINGS: Mapping[str, Wording] = {
    "2026-11": {
        "analytics": Words(
            "Statistics",
            "We write down what is looked at, searched for and put into carts, and count it, to make the shop better.",
        ),
        "personalisation": Words(
            "What suits you",
            "We use what you look at and buy to choose which products you are shown.",
        ),
        "marketing": Words(
            "News and offers",
            "We send you news, offers and price drops, the ways that you choose under Messages.",
        ),
    },
}
CURRENT = tuple(WORDINGS)[-1]
"""The version that is shown."""
