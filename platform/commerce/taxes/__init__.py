"""What a destination taxes, and how much."""
