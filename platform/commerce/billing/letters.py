"""What a shop's owner is told about its bills."""

from __future__ import annotations

from commerce.notifications.letters import Letter, declare

FAILED, AGAIN, CLOSED, REOPENED = "billing_failed", "billing_again", "billing_closed", "billing_reopened"

declare(
    billing_failed=Letter(
        "The payment for {{ shop }} failed",
        "Hello,\n\nwe could not charge {{ amount }} for the plan {{ plan }} of {{ shop }}. We try again in three days; "
        "your shop goes on meanwhile. If your card has changed, pay the invoice with another.",
        "Pay the invoice",
    ),
    billing_again=Letter(
        "{{ shop }} is still unpaid",
        "Hello,\n\n{{ amount }} for the plan {{ plan }} of {{ shop }} is still open. Without a payment the shop is "
        "closed to shoppers on {{ closes }}; nothing in it is lost.",
        "Pay the invoice",
    ),
    billing_closed=Letter(
        "{{ shop }} is closed",
        "Hello,\n\n{{ amount }} for the plan {{ plan }} was not paid, so {{ shop }} is closed to shoppers from today. "
        "Your staff can still see to its orders. It opens again as soon as the invoice is paid.",
        "Pay the invoice",
    ),
    billing_reopened=Letter(
        "{{ shop }} is open again", "Hello,\n\nthank you: everything is paid, and {{ shop }} is open again."
    ),
)
