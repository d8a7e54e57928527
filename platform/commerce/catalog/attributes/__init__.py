"""What can be said of products: attributes with a kind each, and the types of product that have them."""
