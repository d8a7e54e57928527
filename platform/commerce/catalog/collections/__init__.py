"""Collections of products: picked by hand, or kept by a rule."""
