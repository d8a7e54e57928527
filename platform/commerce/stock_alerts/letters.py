"""What whoever waits is sent."""

from __future__ import annotations

from commerce.notifications.letters import Letter, declare

declare(
    stock_alert_confirm=Letter(
        "Shall we tell you when it is back?",
        "Hello,\n\nsomebody, most likely you, wants to know when {{ product }} is back at {{ shop }}. Confirm that "
        "this is your address, within a day, and we write to you once. The same link takes you off the list later.\n\n"
        "If it wasn't you, there is nothing to do: without this link nothing happens.",
        "Tell me when it is back",
    ),
    back_in_stock=Letter(
        "Back again: {{ product }}",
        "Hello,\n\nyou asked {{ shop }} to tell you: {{ product }} can be had again. It is not kept for you, and there "
        "may be few.\n\nThis was the one mail that you asked for; there will be no other about it.",
        "See it",
        topic="back_in_stock",
    ),
)
