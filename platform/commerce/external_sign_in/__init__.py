"""Signing in, linking and proving anew by somebody else's word; and by whose, as a shop decides."""
