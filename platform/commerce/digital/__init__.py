"""Goods that are downloaded: what a variant consists of, and how its files come in."""
