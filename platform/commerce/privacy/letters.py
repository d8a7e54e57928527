"""What people are told about their data."""

from __future__ import annotations

from commerce.notifications.letters import Letter, declare

declare(
    export_ready=Letter(
        "Your data is ready",
        "Hello {{ name }},\n\nthe archive of what {{ shop }} keeps about you is ready. Sign in to download it, within "
        "seven days; then it is deleted.\n\nIf you did not ask for it, choose a new password: nobody gets it without "
        "signing in as you.",
        "Download my data",
    ),
    erasure_asked=Letter(
        "You asked us to forget you",
        "Hello {{ name }},\n\n{{ shop }} forgets you on {{ on }}, as you asked: your account, addresses, lists and "
        "what we know of you. Invoices are kept as long as the law says.\n\nIf you change your mind, or if it wasn't "
        "you, sign in before then and choose to stay.",
        "Stay",
    ),
    erasure_done=Letter(
        "We forget you now",
        "Hello {{ name }},\n\nas you asked, {{ shop }} now deletes your account and what it knows of you. Invoices are "
        "kept, sealed, as long as the law says. This is the last mail that you get from us.",
    ),
)
