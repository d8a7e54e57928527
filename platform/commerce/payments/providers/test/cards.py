"""The test cards, with the numbers and the tokens that Stripe documents: https://docs.stripe.com/testing.

A token of ours stands beside them where Stripe has no card for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Card:
    """What the bank does with a card."""

    refusal: str | None = None
    """Why a payment is refused; after the challenge, if there is one."""
    challenge: bool = False
    """The shopper has to confirm first."""
    delayed: bool = False
    """What comes of a challenge is known only later, and told by a notification."""
    capture_refusal: str | None = None
    """Why it can't be captured for good: the authorisation has run out."""
    refund: Literal["at once", "later", "fails", "fails later"] = "at once"
    dispute: str | None = None
    """Why the cardholder disputes the payment once it is captured."""
    report: Literal["what happened", "nothing", "another amount", "another fee", "a stranger too"] = "what happened"
    """What the bank's report has of the payment."""


CARDS: Mapping[str, Card] = {
    "4242424242424242": Card(),
    "4000056655665556": Card(),
    "5555555555554444": Card(),
    "378282246310005": Card(),
    "4000000000000002": Card(refusal="card_declined"),
    "4000000000009995": Card(refusal="insufficient_funds"),
    "4000000000009987": Card(refusal="lost_card"),
    "4000000000009979": Card(refusal="stolen_card"),
    "4000000000000069": Card(refusal="expired_card"),
    "4000000000000127": Card(refusal="incorrect_cvc"),
    "4000000000000119": Card(refusal="processing_error"),
    "4000000000006975": Card(refusal="card_velocity_exceeded"),
    "4100000000000019": Card(refusal="fraudulent"),
    "4000000000000341": Card(refusal="card_declined"),
    "4000000000003220": Card(challenge=True),
    "4000002500003155": Card(challenge=True),
    "4000002760003184": Card(challenge=True),
    "4000008400001629": Card(challenge=True, refusal="card_declined"),
    "4000008260003178": Card(challenge=True, refusal="insufficient_funds"),
    "4000000000007726": Card(refund="later"),
    "4000000000005126": Card(refund="fails later"),
    "4000000000000259": Card(dispute="fraudulent"),
    "4000000000002685": Card(dispute="product_not_received"),
    "tok_delayed": Card(challenge=True, delayed=True),
    "tok_delayed_declined": Card(challenge=True, delayed=True, refusal="insufficient_funds"),
    "tok_capture_expired": Card(capture_refusal="authorisation_expired"),
    "tok_refund_refused": Card(refund="fails"),
    "tok_report_missing": Card(report="nothing"),
    "tok_report_amount": Card(report="another amount"),
    "tok_report_fee": Card(report="another fee"),
    "tok_report_unknown": Card(report="a stranger too"),
}

ALIASES: Mapping[str, str] = {
    "tok_visa": "4242424242424242",
    "pm_card_visa": "4242424242424242",
    "tok_mastercard": "5555555555554444",
    "pm_card_mastercard": "5555555555554444",
    "tok_amex": "378282246310005",
    "pm_card_amex": "378282246310005",
    "tok_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "tok_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "tok_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "tok_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "tok_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "tok_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "tok_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "tok_chargeCustomerFail": "4000000000000341",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "tok_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "tok_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequired": "4000002760003184",
    "tok_refundPending": "4000000000007726",
    "pm_card_pendingRefund": "4000000000007726",
    "tok_refundFail": "4000000000005126",
    "pm_card_refundFail": "4000000000005126",
    "tok_createDispute": "4000000000000259",
    "pm_card_createDispute": "4000000000000259",
    "tok_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
}


def card_of(token: str) -> str | None:
    """The card that a number, as people write it, or a token stands for; `None` when it is none of ours."""
    plain = token.replace(" ", "").replace("-", "") if token[:1].isdigit() else token
    named = ALIASES.get(plain, plain)
    return named if named in CARDS else None


def token_of(card: str) -> str:
    """The first token that stands for a card."""
    return next((token for token, named in ALIASES.items() if named == card), card)
