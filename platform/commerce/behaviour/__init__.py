"""What shoppers do, as their browsers report it."""
