"""From a cart to an order: reserve, authorise, place, capture."""
