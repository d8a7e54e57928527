"""Shops that open, are closed for a while, and end."""
