"""A shop leaves: it takes everything of its own along, and nothing of it stays behind."""
