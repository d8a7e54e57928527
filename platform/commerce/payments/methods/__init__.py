"""Instruments that providers keep for customers: only their tokens are ours."""
