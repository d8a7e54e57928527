"""What people are told about their data."""

from __future__ import annotations

from commerce.notifications.letters import Letter, declare

declare(
    your_data=Letter(
        "Your link to your data",
        "Hello,\n\nthis link shows what {{ shop }} keeps about you: you can take it along, or be forgotten. It is "
        "good for half an hour; if you have an account, it signs you in to it, within fifteen minutes, and you find "
        "both under Privacy.\n\nIf it wasn't you, there is nothing to do: without this link nothing happens.",
        "See my data",
    ),
    export_ready=Letter(
        "Your data is ready",
        "Hello {{ name }},\n\nthe archive of what {{ shop }} keeps about you is ready. Sign in to download it, or have "
        "a link sent to this address, within seven days; then it is deleted.\n\nIf you did not ask for it, choose a "
        "new password if you have one: nobody gets it without proving to be you.",
        "Download my data",
    ),
    erasure_asked=Letter(
        "You asked us to forget you",
        "Hello {{ name }},\n\n{{ shop }} forgets you on {{ on }}, as you asked: your account, addresses, lists and "
        "what we know of you. Invoices are kept as long as the law says.\n\nIf you change your mind, or if it wasn't "
        "you, go there before then and choose to stay: sign in, or have a link sent to this address.",
        "Stay",
    ),
    erasure_withdrawn=Letter(
        "You stay with us",
        "Hello {{ name }},\n\nyou told {{ shop }} that you want to stay after all, so you are not forgotten, and "
        "everything is as it was.\n\nIf it wasn't you, or if you change your mind, ask again: sign in, or have a link "
        "sent to this address.",
        "My data",
    ),
    erasure_done=Letter(
        "We forget you now",
        "Hello {{ name }},\n\nas you asked, {{ shop }} now deletes your account and what it knows of you. Invoices are "
        "kept, sealed, as long as the law says. This is the last mail that you get from us.",
    ),
)
