"""What one unit costs: list prices, offers, and prices promised by decisions."""
