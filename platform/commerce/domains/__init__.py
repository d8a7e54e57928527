"""Domains of a shop's own: claimed by staff, proved by DNS, watched afterwards."""
