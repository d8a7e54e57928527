"""What is written to whoever ordered."""

from __future__ import annotations

from commerce.notifications.letters import Letter, declare

declare(
    downloads_ready=Letter(
        "Your files are ready: order {{ number }}",
        "Hello,\n\nwhat you bought at {{ shop }} with order {{ number }} can be downloaded now. You find the files in "
        "the order: among your orders if you have an account, otherwise by its number and this address.",
    ),
)
