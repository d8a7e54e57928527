"""Somebody of the staff is in the shop as a customer for a while: with a reason, and never unseen."""
