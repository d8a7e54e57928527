"""What a page says after the form before it: a word in a short-lived cookie, its text from this table."""

from __future__ import annotations

from dataclasses import dataclass

NOTICE_COOKIE = "tradewind_office_notice"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for whoever works here."""

    code: str
    text: str


NOTICES = {
    notice.code: notice
    for notice in (
        Notice("acting-ended", "You are nobody but yourself now."),
        Notice("invited", "The invitation is on its way."),
        Notice("changed", "It is changed."),
        Notice("collection-added", "The collection is there."),
        Notice("collection-removed", "The collection is gone. Its products stay."),
        Notice("feed-revoked", "Its address leads nowhere any more."),
        Notice("import-stopped", "No more of the file is taken in. What was taken in stays."),
        Notice("prices-stopped", "No more prices are changed. Those that were can be undone."),
        Notice("suspended", "They are kept out from now on, and the keys they made are over."),
        Notice("let-back", "They may come in again."),
        Notice("removed", "They do not work here any more, and the keys they made are over."),
        Notice("role-made", "The role is there."),
        Notice("role-deleted", "The role is gone."),
        Notice("provider-added", "People can sign in by it. Enter the address below at the provider."),
        Notice("provider-removed", "Nobody signs in by it any more, and what was linked by it is gone."),
        Notice("provider-required", "Staff sign in by it, and by nothing else. Others were signed out."),
        Notice("provider-not-required", "Staff may sign in by any way again."),
        Notice(
            "removed-programs",
            "They do not work here any more, and the keys they made are over. The programs that they registered go on "
            "until you shut them out.",
        ),
        Notice("review-published", "Everybody can read it now."),
        Notice("review-rejected", "It is not shown, and its author is told why."),
        Notice("review-answered", "Your answer stands below the review."),
        Notice("review-unanswered", "The answer is gone."),
        Notice("kept", "It is kept, and holds from now on."),
        Notice("logo-kept", "The new logo is shown everywhere from now on."),
        Notice("logo-removed", "The shop's name stands in place of the logo."),
        Notice("reverted", "It is as it was in that version."),
        Notice("published", "The page is published. Earlier versions can still be read."),
        Notice("withdrawn", "The page is not shown any more."),
        Notice("test-sent", "A test message is on its way to you."),
        Notice("words-reset", "The message has the platform's words again."),
        Notice("domain-added", "Set the record below in the DNS of the domain, then have it checked."),
        Notice("domain-removed", "The shop does not answer to that domain any more."),
        Notice("domain-found", "The record was found: the domain is the shop's."),
        Notice("domain-not-found", "The record is not there yet. DNS may take some minutes."),
        Notice("domain-primary", "Whoever asks for a page at another name is sent there."),
        Notice("domain-ordinary", "Nobody is sent there any more."),
        Notice("plan-changed", "The plan is changed."),
        Notice("plan-ends", "The plan ends when what is paid for is over."),
        Notice("plan-goes-on", "The plan goes on."),
        Notice("key-ended", "The key opens nothing any more."),
        Notice("program-ended", "The program may do nothing any more."),
        Notice("hook-changed", "It is changed."),
        Notice("hook-removed", "Nothing is told there any more."),
        Notice("replayed", "It waits to be told again."),
        Notice("category-added", "The category is there. Shoppers see it once there is a product in it."),
        Notice("category-removed", "The category is gone."),
        Notice("channel-added", "The channel is there. Prices and programs can name it."),
        Notice("channel-retired", "Nothing more is sold there. Its programs sell at the prices of the web shop."),
        Notice("brand-added", "The brand is there."),
        Notice("brand-removed", "The brand is gone."),
        Notice("rule-kept", "The draft is kept. Shoppers see nothing of it until it is published."),
        Notice("rule-published", "Searches follow it in a few seconds."),
        Notice("rule-withdrawn", "Searches follow it no longer. The draft is still here."),
        Notice("rule-removed", "The rule is gone."),
        Notice("synonym-added", "Searches know it in a few seconds."),
        Notice("synonym-removed", "They stand for each other no longer."),
        Notice("type-added", "The type is there. A product gets it on its own page."),
        Notice("type-removed", "The type is gone."),
        Notice("attribute-added", "The attribute is there. List it in a type, and products can say it."),
        Notice("attribute-removed", "The attribute is gone."),
        Notice("product-added", "The draft is there. Nobody sees it in the shop until it is published."),
        Notice("product-copied", "This is the copy, a draft with SKUs of its own."),
        Notice("product-written", "It is kept. Submit it, and somebody who may publish reviews it."),
        Notice("product-submitted", "It waits for a review."),
        Notice("product-approved", "It is approved."),
        Notice("product-rejected", "It is rejected, and whoever wrote it reads why."),
        Notice("product-published", "It is in the shop, or will be on its date."),
        Notice("product-unpublished", "It is not in the shop."),
        Notice("product-archived", "It is sold no more. Its orders and its stock stay."),
        Notice("media-added", "It is there, and its sizes are being made."),
        Notice("media-again", "It is tried once more."),
        Notice("media-approved", "Shoppers see it from now on."),
        Notice("media-removed", "It is shown no more. Its files go in a day."),
        Notice("set-added", "The set is there. Add its frames below, in the order in which it turns."),
        Notice("video-added", "The video is named. It is shown once there is a picture that stands for it."),
        Notice("closing", "The shop is closed, and will be deleted when the time of grace is over."),
        Notice("kept-open", "The shop goes on."),
        Notice("archive-asked", "The archive is being made. Come back in some minutes."),
        Notice("person-archive-asked", "Their data is put together. They are written to when it is ready."),
        Notice("person-archive-made", "It is being made already. They are written to when it is ready."),
        Notice("data-link-sent", "A link is on its way to them."),
        Notice("erasure-withdrawn", "They stay, and were written to."),
        Notice("erasure-asked", "They are forgotten in a week, and were written to. Until then they can stay."),
        Notice("welcome", "Welcome. You work here from now on."),
    )
}
