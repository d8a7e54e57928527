"""Products by what they look like: the decision service asked, its answer dressed as products."""
