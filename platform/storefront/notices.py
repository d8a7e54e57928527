"""What a page says after the form before it: a word in a short-lived cookie, its text from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NOTICE_COOKIE = "tradewind_notice"

Tone = Literal["good", "plain"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the shopper."""

    code: str
    text: str
    tone: Tone = "good"


NOTICES = {
    notice.code: notice
    for notice in (
        Notice("acting-ended", "You are not here as a customer any more."),
        Notice("added", "It's in your cart."),
        Notice("address-first", "Say where the first part goes, then send the rest elsewhere."),
        Notice("changed", "Your cart is up to date."),
        Notice("removed", "It's out of your cart."),
        Notice("accepted", "Your cart is as it stands today."),
        Notice("code-taken", "Your code is in the cart."),
        Notice("kept", "We keep it for later, below your cart."),
        Notice("shared", "This is your cart to share: copy the address of this page."),
        Notice("alert-waiting", "We write to you once, as soon as there is one for you."),
        Notice("alert-stopped", "You are off the list, and we don't write to you about it.", "plain"),
        Notice("taken", "All of it is in your cart."),
        Notice("taken-in-part", "It's in your cart, except what can't be had any more.", "plain"),
        Notice("sign-in-first", "Sign in first, then we go on where you were.", "plain"),
        Notice("program-ended", "It may do nothing in your name any more."),
        Notice("signed-in", "You are signed in."),
        Notice("signed-out", "You are signed out."),
        Notice("registered", "Your account is ready, and you are signed in."),
        Notice("password-chosen", "Your new password is kept. Sign in with it."),
        Notice("name-changed", "That is your name from now on."),
        Notice("password-changed", "Your new password is kept. You are signed out everywhere else."),
        Notice("email-confirmed", "Your e-mail address is confirmed."),
        Notice("phone-confirmed", "Your number is confirmed."),
        Notice("device-signed-out", "It is signed out."),
        Notice("others-signed-out", "You are signed out everywhere else."),
        Notice("prove-again", "Sign in once more first: it has been a while.", "plain"),
        Notice(
            "prove-otherwise",
            "Sign in once more first, by a link or a code: where you signed in doesn't tell us when it last asked you.",
            "plain",
        ),
        Notice("identity-linked", "It's linked. Next time, it can sign you in."),
        Notice("identity-unlinked", "It can't sign you in any more."),
        Notice("review-waits", "Thank you. It is shown once we have read it."),
        Notice("review-shown", "Thank you. Everybody can read it now."),
        Notice("review-removed", "Your review is gone."),
        Notice("review-reported", "Thank you. Somebody of the shop looks at it."),
        Notice("ordered", "Your payment went through."),
        Notice("cancelled", "Your order is cancelled. The money is on its way back."),
        Notice("order-changed", "Your order is changed."),
        Notice("change-to-pay", "Your change is kept for a day: pay the difference and we make it."),
        Notice("reordered", "It's in your cart again."),
        Notice("reordered-part", "What we still have is in your cart; the rest can't be had just now.", "plain"),
        Notice("address-kept", "It's kept. You can choose it at the checkout."),
        Notice("address-removed", "It's forgotten. Orders that went there keep it."),
        Notice("messages-chosen", "It's as you chose."),
        Notice("archive-asked", "We put your data together, and write to you when it is ready."),
        Notice("archive-made", "It is being made already. We write to you when it is ready."),
        Notice("farewell-asked", "We forget you in a week. Until then you can stay, here.", "plain"),
        Notice("farewell-kept", "Good that you stay. Everything is as it was."),
        Notice("farewell-not-typed", "Nothing was done: type the words FORGET ME if you mean it.", "plain"),
        Notice("consent-kept", "Your choice is kept. You can change it under Privacy at any time."),
        Notice("wished", "It's on your wishlist."),
        Notice("watched", "We tell you when it costs less."),
        Notice("not-watched", "We tell you of it no more."),
        Notice("wish-moved", "It's on the other list."),
        Notice("wishlist-removed", "The list is gone."),
        Notice("method-kept", "It's kept. You can choose it at the checkout."),
        Notice("method-preferred", "It's offered first from now on."),
        Notice("method-removed", "It's forgotten, here and at its bank."),
        Notice("change-paid", "Your payment went through, and your order is changed."),
        Notice("change-dropped", "Your order stays as it was. Nothing was charged."),
        Notice("return-asked", "We'll tell you when you can send it. A photo helps: add one below."),
        Notice("claim-raised", "Thank you for telling us: we look into it. A photo helps: add one below."),
        Notice("photo-added", "We have your photo."),
        Notice("proved", "Thank you. Go on: it holds for fifteen minutes."),
        Notice("sign-in-again", "That took too long, or too many tries. Please sign in again.", "plain"),
        Notice("authenticator-added", "Your authenticator app is on."),
        Notice("authenticator-removed", "Your authenticator app is off."),
        Notice("passkey-added", "Your passkey is ready. Next time, sign in with it."),
        Notice("passkey-renamed", "Your passkey has its new name."),
        Notice("passkey-removed", "Your passkey opens nothing here any more."),
        Notice("cart-first", "Have a look at your cart first: there is something to settle.", "plain"),
        Notice(
            "session-ended",
            "Your last visit had ended, so we started a new one. Sign in again to find your cart.",
            "plain",
        ),
    )
}
