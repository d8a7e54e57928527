"""The tree of categories, as the shop's staff keep it."""
