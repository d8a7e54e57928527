"""What a shop has subscribed to: its limits, and what it has used of them."""
