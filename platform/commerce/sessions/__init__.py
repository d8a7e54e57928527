"""Signing in and out: a session, and the cart that comes along."""
