"""Brands: who makes what is sold."""
