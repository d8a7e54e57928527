"""Value that shoppers hold with the shop: gift cards and store credit."""
