"""Signing in by somebody else's word: OpenID Connect, as its relying party."""
