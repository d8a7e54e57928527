"""What to show next: the decision service asked, its answer dressed as products."""
