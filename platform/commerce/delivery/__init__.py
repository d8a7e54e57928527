"""How goods reach the shopper, and what that costs."""
