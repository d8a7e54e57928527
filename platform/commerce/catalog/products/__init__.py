"""Products as staff and vendors write them, from the first draft until nobody sells them any more."""
