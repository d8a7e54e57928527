"""Factors: what an account's owner proves who they are with, beyond a password."""
