"""Who asked to be told when something can be had again, and telling them."""
