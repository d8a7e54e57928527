"""The command `tradewind` and the local stack it starts."""
