"""Money from shoppers, through a provider."""
