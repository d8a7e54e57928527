"""What is written to customers about their reviews."""

from __future__ import annotations

from commerce.notifications.letters import Letter, declare

declare(
    review_rejected=Letter(
        "Your review of {{ product }}",
        "Hello,\n\nwe have read your review of {{ product }} and do not show it at {{ shop }}: {{ reason }}\n\nYou "
        "find it among your reviews. Write it anew there, and we look at it once more.",
    ),
)
