"""How much there is of a variant, where, and who holds it."""
