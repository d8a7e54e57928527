"""Problems as pages: what happened in plain words, what to do next, and the code for whoever helps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from commerce.acting.naming import here
from commerce.delivery.addresses import AddressInvalid
from commerce.http import core_of
from foundation.errors import BadRequest, NotFound, Problem
from foundation.http import InternalError, InvalidFields, MethodNotAllowed
from storefront import rendering
from storefront.visit import Acting

log = structlog.get_logger(__name__)

_MACHINES = (
    "/v1/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/jwks",
    "/.well-known/",
    "/problems/",
    "/healthz",
    "/openapi.json",
    "/docs",
    "/redoc",
)

_WORDS = {
    "acting.not_allowed": (
        "This is the customer's own",
        "Nobody does this in a customer's name: it is about how they sign in, what they pay with, or what they agreed "
        "to. Nothing was changed.",
    ),
    "acting.ended": (
        "You are yourself again",
        "Your time as the customer is over, or was ended. What you just sent was not done.",
    ),
    "acting.not_from_here": ("We stopped that", "It was sent by another site, so nothing was changed."),
    "stock_alerts.can_be_had": ("It's there again", "Somebody was quicker than our mail: you can buy it now."),
    "stock_alerts.unknown_variant": ("We don't sell that any more", "So there is nothing to wait for."),
    "stock_alerts.address_needed": ("Where shall we write to?", "Go back and say your e-mail address."),
    "stock_alerts.too_many": ("You wait for a lot already", "Take something off below your wishlists first."),
    "stock_alerts.not_found": ("You don't wait for that", "Perhaps you took it off already, or were told."),
    "reviews.not_found": ("That review isn't there", "Its author took it away, or the shop doesn't show it any more."),
    "reviews.not_bought": (
        "This is for those who bought it here",
        "You can review a product once an order of yours with it is paid for.",
    ),
    "reviews.already_written": ("You have reviewed this already", "Go back and change what you wrote."),
    "reviews.stale": ("You changed it elsewhere", "Look at your review once more, then change it."),
    "reviews.own": ("That is your own", "Others say whether it helped them."),
    "reviews.too_many": ("That was a lot at once", "Wait a few minutes, then go on."),
    "catalog.product_not_found": ("We don't have that", "This product isn't in our shop, or not any more."),
    "catalog.category_not_found": ("We don't have that shelf", "This department isn't in our shop, or is empty now."),
    "search.unknown_facet": ("We can't sort that out", "Our products aren't narrowed down by that, or not any more."),
    "search.unknown_filter_value": ("Nothing here is like that", "What was chosen isn't in our shop, or not any more."),
    "search.malformed_filter": ("This link is broken", "Part of what it chooses makes no sense."),
    "search.too_many_filters": ("That's a lot to ask", "Choose a little less at once."),
    "search.cursor_of_another_query": ("This page has moved on", "Begin the list anew from its first page."),
    "catalog.variant_not_for_sale": ("Not for sale", "This can't be bought here any more. Nothing was added."),
    "oauth.nobody_to_answer": (
        "This link is broken",
        "It should ask you to let a program in, but doesn't name one that this shop knows. Nothing was allowed.",
    ),
    "storefront.nothing_elsewhere": ("Nothing goes there yet", "Say how many of what go to the other address."),
    "storefront.nothing_left": (
        "Nothing is left for the first address",
        "Keep something there, or change that address.",
    ),
    "storefront.address_needed": ("Where to?", "The other address is missing."),
    "legal.page_not_found": ("We don't have that page", "It isn't there, or not any more."),
    "legal.accepted_changed": (
        "What you accept here has changed",
        "Read the pages beside the button again. Nothing was charged.",
    ),
    "cart.full": ("Your cart is full", "A cart holds up to 100 products and 9,999 of each."),
    "cart.moved_on": ("It changed once more", "This is how it stands now. Nothing was accepted."),
    "cart.no_gift_wrap": ("We don't wrap gifts", "Nothing was changed: a message can still go along."),
    "cart.nothing_to_share": ("There is nothing to share", "Put something into your cart first."),
    "cart.saved_item_not_found": ("We don't keep that for you", "It may be in your cart already."),
    "cart.shared_not_found": ("This cart isn't shared any more", "The link is over, or it has a typo."),
    "cart.too_many_saved": ("That's a lot for later", "We keep up to 200 things. It stayed in your cart."),
    "profile.address_not_found": ("We don't keep that address", "You may have removed it already."),
    "profile.too_many_addresses": ("That's a lot of addresses", "We keep up to 50. Remove one to keep another."),
    "storefront.address_missing": ("Which address?", "Fill in the fields. Nothing was kept."),
    "wishlists.not_found": ("We can't find that list", "It may not be shared any more, or belong to another account."),
    "wishlists.address_needed": (
        "We need to know where to tell you",
        "Sign in to an account whose e-mail address you have confirmed, and watch it from there.",
    ),
    "wishlists.not_sold": ("It is not sold any more", "There is no price to watch."),
    "wishlists.full": ("This list is full", "A list holds up to 200 things. Begin another."),
    "wishlists.too_many_lists": ("That's a lot of lists", "We keep up to 20. Remove one to begin another."),
    "promotions.code_not_running": ("This code doesn't hold now", "It has ended, or hasn't begun yet."),
    "promotions.code_unknown": ("We don't know this code", "Check how it is written. Nothing was changed."),
    "promotions.code_used_up": ("This code is used up", "It has been used as often as it may be. Nothing was charged."),
    "promotions.too_many_guesses": (
        "Too many wrong codes",
        "Please try again in some minutes. Your cart is as it was.",
    ),
    "promotions.too_many_codes": ("Five codes are enough", "Take one out to use another."),
    "cart.not_found": ("This cart is gone", "It may belong to another visit. Your own cart is in the top corner."),
    "cart.not_open": ("This cart is already paid for", "It is being paid or has become an order: have a look there."),
    "orders.not_found": ("We can't find that order", "It may belong to another account. Sign in to see your orders."),
    "orders.illegal_transition": ("That can't be done any more", "The order has moved on: see how it stands now."),
    "orders.address_fixed": (
        "It can't go there",
        "Part of it has left or was given back, so it can only move next door. Nothing was changed.",
    ),
    "orders.cancel_window_closed": ("It is too late to cancel that", "Ask the shop: it may still be able to."),
    "orders.change_over": ("This change is over", "It was made or given up before. See how your order stands now."),
    "downloads.limit_reached": (
        "It was downloaded as often as it may be",
        "Ask the shop: it can let you have it again.",
    ),
    "downloads.expired": ("It can't be downloaded any more", "The time for it is over. Ask the shop."),
    "downloads.withdrawn": ("It was given back", "What was given back can't be downloaded any more."),
    "downloads.not_found": ("There is no such file", "The shop may have taken it away. Nothing was changed."),
    "gift_cards.code_shown": ("This code was shown before", "We don't keep it. Ask the shop for a new one."),
    "orders.difference_changed": ("The price changed", "Have a look at the exchange again. Nothing was asked for."),
    "orders.not_a_photo": ("We can't read that picture", "Send a JPEG, PNG or WebP. Nothing was added."),
    "orders.photos_unavailable": ("We can't keep photos just now", "Your return stands all the same."),
    "orders.too_many_photos": ("Eight photos are enough", "Nothing was added."),
    "orders.edit_changes_nothing": ("It is like that already", "Nothing was changed."),
    "orders.edit_leaves_nothing": ("Nothing would be left", "To give all of it up, cancel the order."),
    "orders.outdated": ("Your order has changed meanwhile", "See how it stands now, and try again."),
    "orders.taxes_unquoted": ("Something changed meanwhile", "Nothing was changed. Please try again."),
    "orders.return_window_closed": ("It is too late to send that back", "Ask the shop: it may still take it."),
    "orders.too_many_units": (
        "There aren't so many",
        "Choose no more than can still be sent back. Nothing was changed.",
    ),
    "orders.unknown_line": ("That isn't in this order", "Choose from what was ordered. Nothing was changed."),
    "tenancy.unknown_host": ("There is no shop here", "No shop answers to this address."),
    "tenancy.name_taken": ("That address is taken", "Choose another one for your shop. Nothing was changed."),
    "onboarding.bad_rows": ("Some rows need a look", "None was taken yet. Mend them and send them again."),
    "onboarding.too_many": ("That was a lot at once", "Please wait some minutes before you open another shop."),
    "onboarding.unknown": ("We don't know that link", "It may be old. Begin again, or take the latest mail."),
    "onboarding.incomplete": ("Something is missing", "Take the steps before this one first."),
    "tenancy.suspended": ("The shop is closed", "This shop is closed for now. Please come back later."),
    "request.cross_site": ("We stopped that", "It was sent by another site, so nothing was changed."),
    "request.not_found": ("This page doesn't exist", "The link may be old, or the address may have a typo."),
    "request.malformed_cursor": ("This page doesn't exist", "The list can't be continued from here. Start again."),
    "request.invalid_fields": ("That doesn't look right", "Some of what was sent can't be used. Nothing was changed."),
    "identity.sign_in_closed": ("Sign-in is closed", "This shop doesn't let customers sign in this way."),
    "identity.unknown_customer": ("We don't know this household", "Pick one of those on the account page."),
    "identity.wrong_credentials": ("That doesn't fit", "The e-mail address or the password is not right."),
    "identity.too_many_attempts": (
        "Too many attempts",
        "Please wait some minutes, or sign in with a browser that you have used before.",
    ),
    "identity.too_busy": ("Many people are signing in", "Please try again in some seconds."),
    "identity.proof_not_good": (
        "This link is over",
        "It was used before, it is too old, or we have sent you a newer one.",
    ),
    "identity.code_wrong": ("That isn't the code", "Check the digits. After five wrong ones you need a new code."),
    "identity.last_way_in": (
        "You need a way in",
        "Choose a password or confirm an address first. Nothing was changed.",
    ),
    "federation.provider_not_found": ("You can't sign in by that", "Not any more. Choose another way."),
    "federation.provider_unusable": ("They don't answer", "Please try again in a moment, or sign in another way."),
    "federation.attempt_over": ("That took too long", "Or it was begun in another browser. Please begin again."),
    "federation.cancelled": ("You are not signed in", "You came back without it. Try again, or choose another way."),
    "federation.not_believed": ("That didn't work", "What came back can't be trusted. Please begin again."),
    "federation.link_first": (
        "Sign in or register first",
        "We can't tell by the address alone that an account here is yours. Sign in the way you did before, or create "
        "an account: then you link this one with one press.",
    ),
    "federation.not_invited": ("You don't work here yet", "Ask for an invitation to the address you have there."),
    "federation.domain_refused": ("That address can't come in", "This way in is for people of the company only."),
    "federation.identity_taken": ("It is linked already", "It belongs to another account. Nothing was changed."),
    "federation.identity_not_found": ("It is unlinked already", "It can't sign you in any more."),
    "federation.other_identity": ("That is somebody else", "Use the one that is linked to your account."),
    "federation.not_proved_anew": ("We can't tell that it was you", "They didn't ask you anew. Choose another way."),
    "federation.staff_provider_required": (
        "Use your company's account",
        "Whoever works here signs in by it, and by nothing else.",
    ),
    "factors.code_refused": ("That isn't the code", "Check the digits; each code is good once. Wait for the next one."),
    "factors.too_many_codes": ("Too many wrong codes", "Please try again in a quarter of an hour, or use a passkey."),
    "factors.factor_needed": ("A password isn't enough here", "Your account has a second factor: use that."),
    "factors.passkey_refused": ("That passkey didn't work", "It isn't known here, or it took too long. Try again."),
    "factors.passkey_copied": ("That passkey may have been copied", "Use another one, and remove this one."),
    "factors.passkey_known": ("That passkey is here already", "Nothing was changed."),
    "factors.too_many_passkeys": ("Twenty passkeys are enough", "Remove one first."),
    "factors.passkey_not_found": ("That passkey is gone", "It was removed before."),
    "factors.authenticator_exists": ("You have an app already", "Remove it first, then set up another."),
    "factors.no_factor": ("There is nothing to recover", "Set up an authenticator app or a passkey first."),
    "identity.phone_invalid": ("We can't reach that number", "Begin it with + and your country's code."),
    "identity.address_taken": ("Another account has that", "Sign in to the other account to change it there."),
    "identity.password_too_short": ("That is too short", "A password has at least eight characters."),
    "identity.password_too_long": ("That is too long", "A password has at most 256 characters."),
    "identity.password_compromised": (
        "Everybody tries that one",
        "This password is common, or was stolen elsewhere, or is your name or address. Choose another.",
    ),
    "identity.sign_in_not_found": ("It is signed out already", "You are not signed in there any more."),
    "checkout.requirements_unmet": ("Something changed", "Something in your cart needs a look before you pay."),
    "checkout.total_changed": ("The total changed", "This is what it comes to now. Nothing was charged."),
    "checkout.reservation_lost": ("That took too long", "The goods were given back. Nothing was charged: try again."),
    "inventory.out_of_stock": ("Somebody was quicker", "There is less left than you wanted. Nothing was charged."),
    "payments.method_not_found": ("You haven't kept that", "It may be removed already. Choose another way to pay."),
    "payments.setup_not_found": ("There is nothing to go on with", "Start again with the card that you want to keep."),
    "payments.too_many_methods": ("That's a lot of cards", "Remove one first. Nothing was kept."),
    "payments.provider_unavailable": ("The bank doesn't answer", "Nothing was charged. Please try again shortly."),
    "storefront.no_window": ("Choose a time", "Pick one of the times that are still free for this way to deliver."),
    "delivery.slot_full": ("Somebody was quicker", "That time has been taken. Nothing was charged: choose another."),
    "delivery.address_invalid": ("We can't send it there yet", "Have a look at the address. Nothing was changed."),
    "taxes.malformed_vat_id": (
        "That isn't a VAT number",
        "It begins with two letters, like DE. Nothing was changed.",
    ),
    "checkout.taxes_unquoted": ("Something changed", "Your cart changed meanwhile: have a look, then pay."),
    "delivery.unavailable": (
        "It can't reach you that way",
        "Choose another way for this address. Nothing was changed.",
    ),
    "idempotency.in_flight": ("Your payment is on its way", "Give it a moment, then look at your orders."),
    "idempotency.key_reused": ("Please check once more", "This form had been sent before with other details."),
    "gift_cards.code_not_good": ("That gift card can't be used", "Check its code, and that it is still good."),
    "gift_cards.too_many_guesses": ("Too many wrong codes", "Please try again in some minutes. Nothing was charged."),
    "plans.orders_exhausted": ("The shop takes no orders just now", "Nothing was charged, and your cart is kept."),
    "limits.reached": ("That was a lot at once", "Please wait a moment, then try again. Nothing was changed."),
    "limits.too_many_at_once": ("It is crowded just now", "Please try again in a moment. Nothing was changed."),
    "service.internal": ("Something broke on our side", "We have written it down. Please try again in a moment."),
}

_ADDRESS = {
    "required": "The {} is missing.",
    "invalid": "The {} doesn't look like one of that country.",
}

_REASONS = {
    "card_declined": "The bank declined the card. Nothing was charged: try another way to pay.",
    "insufficient_funds": "There isn't enough money on the card. Nothing was charged: try another way to pay.",
    "unusable": "The gift card or store credit can't be used. Nothing was charged: try another way to pay.",
}


def words(problem: Problem) -> tuple[str, str]:
    """A headline and a sentence for a shopper."""
    return _WORDS.get(problem.code, (problem.title(), problem.detail()))


def refusal(reason: str) -> tuple[str, str]:
    """The same for a payment that was refused."""
    return "The payment was refused", _REASONS.get(reason, "Nothing was charged: try another way to pay.")


def field_errors(problem: Problem) -> list[str]:
    """What was wrong with which field, in words."""
    if isinstance(problem, AddressInvalid):
        return [_ADDRESS[fault["reason"]].format(fault["param"].replace("_", " ")) for fault in problem.errors]
    if not isinstance(problem, InvalidFields):
        return []
    return [f"{error['param'].replace('_', ' ').capitalize()}: {error['message']}" for error in problem.errors]


def problem_of(error: Exception) -> Problem:
    """The problem that an exception means for a page. An address that can't be right is an address of nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        faults = error.errors()
        if all(fault["loc"][0] == "path" for fault in faults):
            return NotFound()
        return InvalidFields(errors=[{"param": str(fault["loc"][-1]), "message": fault["msg"]} for fault in faults])
    if isinstance(error, HTTPException):
        kinds: dict[int, type[Problem]] = {404: NotFound, 405: MethodNotAllowed}
        return kinds.get(error.status_code, BadRequest)()
    return InternalError()


def install(app: FastAPI) -> None:
    """Answer a page's problems with a page; the API's stay problem documents."""
    for kind in (Problem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _page_or(app.exception_handlers[kind]))


Handler = Callable[[Request, Any], Any]


def _page_or(document: Handler) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(_MACHINES):
            response: Response = await document(request, error)
            return response
        problem = problem_of(error)
        if problem.status >= 500:
            log.error("page.failed", path=request.url.path, code=problem.code, exc_info=error)
        return await _page(request, problem)

    return answer


async def _page(request: Request, problem: Problem) -> Response:
    title, text = words(problem)
    context = {
        "problem": problem,
        "title": title,
        "text": text,
        "faults": field_errors(problem),
        "request_id": request.scope.get("state", {}).get("request_id"),
    }
    visit = getattr(request.state, "visit", None)
    if visit is not None:
        shown: Response = visit.page("problem.html", status=problem.status, **context)
        return shown
    return rendering.html(
        "problem.html",
        status=problem.status,
        shop=await _shop_or_none(request),
        shopper=None,
        navigation=(),
        cart_count=0,
        notice=None,
        acting=Acting.of(await here(request)),
        here="/",
        **context,
    )


async def _shop_or_none(request: Request) -> object:
    try:
        return await core_of(request).directory.by_host(request.headers.get("host", ""))
    except Exception:  # noqa: BLE001 - a page about a problem must not fail for another
        return None
