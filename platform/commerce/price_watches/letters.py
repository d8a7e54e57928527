"""What whoever watches a price is sent."""

from __future__ import annotations

from commerce.notifications.letters import Letter, declare

declare(
    price_drop=Letter(
        "It costs less: {{ product }}",
        "Hello,\n\nyou watch {{ product }} at {{ shop }}. It costs {{ price }} now; it was {{ before }} when you began "
        "to watch it, or when we last wrote to you.\n\nWe write again only if it falls once more. To watch it no "
        "longer, open your wishlist.",
        "See it",
        topic="price_drops",
    ),
)
