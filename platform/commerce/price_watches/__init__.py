"""Who asked to be told when something on their wishlist costs less, and telling them."""
