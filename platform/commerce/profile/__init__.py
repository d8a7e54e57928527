"""What a customer keeps with the shop about themselves: addresses, and what they want to be told."""
